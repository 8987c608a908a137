import { canHandle } from '../../durable/decide.ts'
import { queueWakeUps } from '../../queue/wake.ts'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockOpenDeadLetter, markRedriven, resetLeaseAttempts } from '../../store/job/dead-letters.ts'
import { lockInstance } from '../../store/job/jobs.ts'
import type { CommandDeps } from '../command-deps.ts'
import { invalid, type Refusal } from '../refusal.ts'
import { sendEvent } from '../send-event.ts'
import { problemOfReason } from '../text.ts'

export type RedriveJobResult = { readonly kind: 'done'; readonly jobId: string } | Refusal

/**
 * Redrives a job, an account or a media from its dead letter, after the cause was fixed. A job that rests is retried as by a person,
 * which looks up first whether a call was made; a media is checked again. An instance that stayed at its checkpoint is woken there. A second redrive is refused,
 * because there is no open dead letter.
 */
export async function redriveJob(
  tx: Tx,
  deps: CommandDeps,
  request: {
    /** Null for the operator, who may redrive every organization's. */
    readonly organizationId: string | null
    readonly jobId: string
    readonly reason: string
    /** The API key that made the request, for the audit record. */
    readonly by: string | null
  },
): Promise<RedriveJobResult> {
  const { jobId, by } = request
  const reason = request.reason.trim()
  const problem = problemOfReason(reason)
  if (problem !== null) return invalid('reason', problem)

  const job = await lockInstance(tx, jobId)
  if (!job || (request.organizationId ?? job.organizationId) !== job.organizationId)
    return { kind: 'missing', field: 'subjectId' }
  const { organizationId, revision, checkpoint } = job
  const { machine, state, tag } = checkpoint
  const deadLetterId = await lockOpenDeadLetter(tx, jobId, revision)
  if (deadLetterId === null) return { kind: 'refused', state, event: 'redrive' }

  const retry = { type: machine === 'media' ? 'recheck' : 'retry' }
  const isResting = tag === 'resting' || tag === 'settled'
  if (isResting && !canHandle(deps.machines, checkpoint, retry))
    return { kind: 'refused', state, event: retry.type }
  await markRedriven(tx, deadLetterId, { reason, by })
  if (isResting && (machine === 'job' || machine === 'media'))
    await sendEvent(tx, deps, { machine, id: jobId, organizationId, event: retry })
  else {
    await resetLeaseAttempts(tx, jobId)
    await queueWakeUps(deps.boss, [{ jobId, organizationId, reason: `redriven ${deadLetterId}` }], tx)
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
