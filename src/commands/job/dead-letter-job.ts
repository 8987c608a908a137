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
      /** Whether the machine has been told; otherwise it lies where it was, and nobody wakes it. */
      readonly isTransitioned: boolean
    }
  /** There is nothing to tell: it has moved on, or somebody is at it. */
  | { readonly kind: 'moot' }

/**
 * Marks a job, or an account, whose wake-up nobody got through with, in a dead letter and in the organization's sequence.
 *
 * A job is moved to where it rests until a person acts, without losing that a call may have been made. What cannot be moved
 * (its checkpoint cannot be read here, or its machine knows of no such thing, as an account's does) stays at its checkpoint,
 * and the sweep leaves it alone until it is redriven: it then goes on as after any crash. If moving it fails as well, the
 * repetition only marks it.
 */
export async function deadLetterJob(
  tx: Tx,
  deps: CommandDeps,
  jobId: string,
  { cause, attempts: tries, at, isRepeated }: DeadLetter,
): Promise<DeadLetterJobResult> {
  const stuck = await lockStuckInstance(tx, jobId, at)
  if (!stuck) return { kind: 'moot' }
  const { organizationId, slotId, accountId, revision, checkpoint } = stuck
  const { machine, state } = checkpoint
  const event = { type: 'infrastructureFailed', failure: failureOf(cause) }
  const isTransitioned = machine === 'job' && !isRepeated && canHandle(deps.machines, checkpoint, event)
  const jobRevision = isTransitioned ? revision + 1 : revision
  await insertDeadLetter(tx, {
    organizationId,
    instanceId: jobId,
    revision: jobRevision,
    state,
    attempts: tries,
    ...cause,
  })
  if (isTransitioned) {
    const moved = await sendEvent(tx, deps, { machine, id: jobId, organizationId, event })
    if (moved.kind !== 'moved') throw new Error(`${jobId} would take ${event.type}, and has not`)
  }
  await appendEvent(tx, {
    organizationId,
    type: `${machine}.deadLettered`,
    ...(slotId !== null && { slotId }),
    ...(accountId !== null && { accountId }),
    payload: { jobId, state, leaseAttemptCount: tries, code: cause.code, message: cause.message },
  })
  return { kind: 'deadLettered', isTransitioned }
}

function failureOf({ message }: FailureCause): Failure {
  return {
    verdict: 'NEEDS_OPERATOR',
    code: 'INFRASTRUCTURE_FAILED',
    message: `No worker got through with this job. ${message}`,
  }
}
