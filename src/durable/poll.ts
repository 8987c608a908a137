import { isDeepStrictEqual } from 'node:util'
import type { Checkpoint, MachineEvent } from './checkpoint.ts'
import { type DecisionFacts, decide } from './decide.ts'
import type { DurableMachine } from './machine.ts'

/**
 * The checkpoint in which a waiting machine polls after a timer's event, or null if the event leads to anything else. It is never
 * committed: a poll has no intent that must be known. Committing it made two revisions of each poll, and 400 of a job that rendered for
 * a minute and a half.
 */
export function pollAfter(
  machine: DurableMachine,
  checkpoint: Checkpoint,
  event: MachineEvent,
  facts: DecisionFacts,
): Checkpoint | null {
  if (!machine.polls || checkpoint.step) return null
  const decision = decide(machine, checkpoint, event, facts)
  if (decision.kind === 'refused' || !decision.checkpoint.step) return null
  return machine.polls.has(decision.checkpoint.step.name) ? decision.checkpoint : null
}

/** Whether a machine waits as it did before, except for the times of its timers. */
export function isUnchanged(before: Checkpoint, after: Checkpoint): boolean {
  return (
    before.version === after.version &&
    before.state === after.state &&
    before.step === null &&
    after.step === null &&
    isDeepStrictEqual(before.context, after.context)
  )
}
