import type { Tx } from '../store/database.ts'
import { appendEvent } from '../store/event-store.ts'
import { lockJobsInState } from '../store/job-view-store.ts'
import { grantQuota as addToQuota } from '../store/quota-ledger.ts'
import type { Metric } from '../store/tables.ts'
import type { CommandDeps } from './deps.ts'
import { moveJob } from './move-job.ts'
import { invalid, type Refusal } from './refusal.ts'

export type QuotaGranted =
  | { readonly kind: 'done'; readonly metric: Metric; readonly movedJobs: readonly string[] }
  | Refusal

/** Far beyond any use, far below where sums of doubles lose units. */
const mostAmount = 1_000_000_000_000
/** More than these look again by themselves, every ten minutes. */
const mostWoken = 100

/** Adds to what an organization may use of a metric, and tells the jobs that wait for it. */
export async function grantQuota(
  tx: Tx,
  deps: CommandDeps,
  request: {
    readonly organizationId: string
    readonly metric: Metric
    readonly amount: number
    readonly reason: string | null
  },
): Promise<QuotaGranted> {
  const { organizationId, metric, amount, reason } = request
  if (!Number.isSafeInteger(amount) || amount < 1 || amount > mostAmount)
    return invalid('amount', `must be a whole number from 1 to ${mostAmount}`)
  if (reason !== null && reason.length > 500) return invalid('reason', 'must have at most 500 characters')

  // All of them are locked before the first is moved: moving one takes the event sequence, which comes last.
  const waiting = await lockJobsInState(tx, organizationId, 'waitingForQuota', { limit: mostWoken })
  await addToQuota(tx, organizationId, { metric, amount }, reason)
  for (const jobId of waiting) {
    await moveJob(tx, deps, { organizationId, jobId, event: { type: 'quotaGranted' } })
  }
  await appendEvent(tx, { organizationId, type: 'quota.granted', payload: { metric, amount, reason } })
  return { kind: 'done', metric, movedJobs: waiting }
}
