import { canHandle } from '../../durable/decide.ts'
import { queueWakeUps } from '../../queue/wake.ts'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockOpenDeadLetter, markRedriven, resetLeaseAttempts } from '../../store/job/dead-letters.ts'
import { lockInstance } from '../../store/job/jobs.ts'
import type { CommandDeps } from '../command-deps.ts'
import { invalid, type Refusal } from '../refusal.ts'
import { sendEvent } from '../send-event.ts'

export type RedriveJobResult = { readonly kind: 'done'; readonly jobId: string } | Refusal

const mostReason = 500

/**
 * Sends a job, or an account, out of its dead letter on its way again, once the cause is mended. A job that was moved aside is
 * retried as by a person: what may have happened is looked up first. What was left at its checkpoint is woken there. A second
 * redrive finds no letter, and is refused.
 */
export async function redriveJob(
  tx: Tx,
  deps: CommandDeps,
  request: {
    /** Null for the operator, who may redrive anybody's. */
    readonly organizationId: string | null
    readonly jobId: string
    readonly reason: string
    /** The API key that asked, for the record. */
    readonly by: string | null
  },
): Promise<RedriveJobResult> {
  const { jobId, by } = request
  const reason = request.reason.trim()
  if (reason.length < 1 || reason.length > mostReason)
    return invalid('reason', `must have 1 to ${mostReason} characters`)

  const job = await lockInstance(tx, jobId)
  if (!job || (request.organizationId ?? job.organizationId) !== job.organizationId)
    return { kind: 'missing', field: 'subjectId' }
  const { organizationId, revision, checkpoint } = job
  const { machine, state, tag } = checkpoint
  const letter = await lockOpenDeadLetter(tx, jobId, revision)
  if (letter === null) return { kind: 'refused', state, event: 'redrive' }

  const retry = { type: 'retry' }
  const isAside = tag === 'resting' || tag === 'settled'
  if (isAside && !canHandle(deps.machines, checkpoint, retry))
    return { kind: 'refused', state, event: 'retry' }
  await markRedriven(tx, letter, { reason, by })
  if (isAside) await sendEvent(tx, deps, { machine: 'job', id: jobId, organizationId, event: retry })
  else {
    await resetLeaseAttempts(tx, jobId)
    await queueWakeUps(deps.boss, [{ jobId, organizationId, reason: `redriven ${letter}` }], tx)
  }
  const { slotId, accountId } = job
  await appendEvent(tx, {
    organizationId,
    type: `${machine}.redriven`,
    ...(slotId !== null && { slotId }),
    ...(accountId !== null && { accountId }),
    payload: { jobId, reason, by },
  })
  return { kind: 'done', jobId }
}
