import type { Failure } from '../../../machines/rules/failure.ts'
import { canHandle } from '../../durable/decide.ts'
import type { DeadLetter } from '../../queue/dead-letters.ts'
import type { FailureCause } from '../../queue/failure-cause.ts'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { insertDeadLetter, lockStuckInstance } from '../../store/job/dead-letters.ts'
import type { CommandDeps } from '../command-deps.ts'
import { sendEvent } from '../send-event.ts'

export type DeadLetterJobResult =
  | {
      readonly kind: 'deadLettered'
      /** Whether the machine made a transition. Otherwise it stays at its checkpoint and is not woken. */
      readonly isTransitioned: boolean
    }
  /** The instance has made progress meanwhile, or a worker holds its lease. */
  | { readonly kind: 'moot' }

/**
 * Records a dead letter for a job, an account or a media whose wake-ups failed repeatedly, and appends an event.
 *
 * A job and a media also get `infrastructureFailed`: it rests until a person acts, and remembers that a call may have been made. An instance
 * that cannot take that event (its checkpoint is unreadable in this build, it is an account, or a media that is being removed) stays at its checkpoint, and
 * the sweep ignores it until it is redriven. If the transition itself fails, the repeated call records the dead letter only.
 */
export async function deadLetterJob(
  tx: Tx,
  deps: CommandDeps,
  jobId: string,
  { cause, attempts: leaseAttempts, at, isRepeated }: DeadLetter,
): Promise<DeadLetterJobResult> {
  const stuck = await lockStuckInstance(tx, jobId, at)
  if (!stuck) return { kind: 'moot' }
  const { organizationId, slotId, accountId, revision, checkpoint } = stuck
  const { machine, state } = checkpoint
  const event = { type: 'infrastructureFailed', failure: failureOf(cause) }
  const isTransitioned =
    (machine === 'job' || machine === 'media') && !isRepeated && canHandle(deps.machines, checkpoint, event)
  const jobRevision = isTransitioned ? revision + 1 : revision
  await insertDeadLetter(tx, {
    organizationId,
    instanceId: jobId,
    revision: jobRevision,
    state,
    attempts: leaseAttempts,
    ...cause,
  })
  if (isTransitioned) {
    const moved = await sendEvent(tx, deps, { machine, id: jobId, organizationId, event })
    if (moved.kind !== 'moved') throw new Error(`${jobId} refused ${event.type}, which it accepts`)
  }
  await appendEvent(tx, {
    organizationId,
    type: `${machine}.deadLettered`,
    ...(slotId !== null && { slotId }),
    ...(accountId !== null && { accountId }),
    payload: { jobId, state, leaseAttemptCount: leaseAttempts, code: cause.code, message: cause.message },
  })
  return { kind: 'deadLettered', isTransitioned }
}

function failureOf({ message }: FailureCause): Failure {
  return {
    verdict: 'NEEDS_OPERATOR',
    code: 'INFRASTRUCTURE_FAILED',
    message: `Every worker that took this job failed. ${message}`,
  }
}
