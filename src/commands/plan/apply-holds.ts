import { mayAppear, sendsLastChunk } from '../../../machines/job/facts.ts'
import { type Clearance, clearanceOf, failureOfStop } from '../../../machines/rules/clearance.ts'
import { jobMachine } from '../../definitions/machines.ts'
import { contextOf } from '../../durable/machine.ts'
import type { Tx } from '../../store/database.ts'
import { listPlanJobs, type PlanJob } from '../../store/job/clearance.ts'
import type { CommandDeps } from '../command-deps.ts'
import { sendJobEvent } from '../send-event.ts'

/** What became of the jobs of a plan that was changed. */
export interface HoldsResult {
  /** They may not go on now: nothing of theirs is posted until what holds them is lifted. */
  readonly heldJobs: readonly string[]
  /** They would be held, but their post was sent, or its last chunk is on its way. */
  readonly unstoppableJobs: readonly string[]
  /** Those that were told at once. */
  readonly transitionedJobs: readonly string[]
}

/**
 * Tells the jobs of a plan, which the transaction has locked, what follows from how the plan is now: what may not go on is held,
 * and what was held and may goes on. A job with a call under way hears of it before its next call that matters.
 */
export async function applyHolds(
  tx: Tx,
  deps: CommandDeps,
  { organizationId, planId }: { readonly organizationId: string; readonly planId: string },
): Promise<HoldsResult> {
  const heldJobs: string[] = []
  const unstoppableJobs: string[] = []
  const transitionedJobs: string[] = []
  for (const job of await listPlanJobs(tx, organizationId, planId)) {
    const { jobId } = job
    const clearance = clearanceNow(job)
    const isFree = clearance.kind === 'clear' || clearance.kind === 'needsAccount'
    if (!isFree && isPastStopping(job)) {
      unstoppableJobs.push(jobId)
      continue
    }
    if (!isFree) heldJobs.push(jobId)
    const event = eventFor(job, clearance)
    const moved = event && (await sendJobEvent(tx, deps, { organizationId, jobId, event }))
    if (moved?.kind === 'moved') transitionedJobs.push(jobId)
  }
  return { heldJobs, unstoppableJobs, transitionedJobs }
}

/** Its time is the job's own to see to. */
function clearanceNow({ facts, checkpoint }: PlanJob): Clearance {
  const { publishAt, media } = contextOf(jobMachine, checkpoint)
  const before = media === null ? 'rendering' : 'posting'
  return clearanceOf(facts, { before, publishAt, mayBeLate: true, at: publishAt })
}

function eventFor({ checkpoint }: PlanJob, clearance: Clearance) {
  const { failure } = contextOf(jobMachine, checkpoint)
  const isHeld = checkpoint.state === 'held'
  switch (clearance.kind) {
    case 'clear':
    case 'needsAccount':
      return isHeld || checkpoint.state === 'needsPerson' ? ({ type: 'cleared' } as const) : null
    case 'needsPerson':
      // Held for something else until now: it looks again at once, and then needs a person.
      return isHeld ? ({ type: 'retry' } as const) : null
    case 'hold':
      return isHeld && failure?.code === clearance.code
        ? null
        : ({ type: 'hold', failure: failureOfStop(clearance.code) } as const)
  }
}

/** Whether its post may come to be whatever is done now. */
function isPastStopping({ checkpoint }: PlanJob): boolean {
  const context = contextOf(jobMachine, checkpoint)
  return mayAppear(context) || (checkpoint.state === 'publishing.uploading' && sendsLastChunk(context))
}
