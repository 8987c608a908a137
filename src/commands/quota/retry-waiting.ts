import { quotaThresholds } from '../../../machines/rules/quota-period.ts'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockJobsInState } from '../../store/job/job-list.ts'
import type { QuotaMoment } from '../../store/quota/balances.ts'
import { debitQuota } from '../../store/quota/reservations.ts'
import type { Metric, QuotaPeriod } from '../../store/quota/tables.ts'
import type { CommandDeps } from '../command-deps.ts'
import { completeScan, type OpenScan, openScan } from '../plan/scan.ts'
import { sendJobEvent } from '../send-event.ts'
import { thresholdEvents } from './quota-period.ts'

/** More than these look again by themselves, every ten minutes. */
const mostWoken = 100

/** Who may go on once there is more quota: slots that have no job yet, and jobs that found none. */
export interface WaitingWork {
  readonly scan: OpenScan
  readonly jobs: readonly string[]
}

/** Locks the waiters: slots, then jobs, and only then whoever calls this may lock quota. */
export async function lockWaitingWork(tx: Tx, organizationId: string): Promise<WaitingWork> {
  const scan = await openScan(tx, organizationId)
  const jobs = await lockJobsInState(tx, organizationId, 'waitingForQuota', { limit: mostWoken })
  return { scan, jobs }
}

/**
 * What follows every change of what is allowed: people hear of thresholds that it has reached, the waiters try again, and the
 * change itself is told last.
 */
export async function completeQuotaChange(
  tx: Tx,
  deps: CommandDeps,
  { books, waiters }: { readonly books: QuotaMoment; readonly waiters: WaitingWork },
  change: {
    readonly type: 'quota.granted' | 'quota.limitChanged' | 'quota.adjusted'
    readonly metric: Metric
    readonly period: QuotaPeriod
    readonly payload: object
  },
): Promise<void> {
  const { organizationId } = books
  const { type, metric, period, payload } = change
  const debit = await debitQuota(tx, books, {
    into: 'used',
    amounts: [{ metric, amount: 0 }],
    jobId: null,
    thresholds: quotaThresholds,
    reportedPeriod: period,
  })
  const statuses = debit.kind === 'debited' ? debit.statuses : []
  const reported = statuses.filter((status) => status.period === period)
  await completeScan(tx, deps, waiters.scan, 'quota')
  for (const jobId of waiters.jobs) {
    await sendJobEvent(tx, deps, { organizationId, jobId, event: { type: 'quotaGranted' } })
  }
  await appendEvent(tx, { organizationId, type, payload: { metric, period, ...payload } })
  for (const event of thresholdEvents(organizationId, reported)) await appendEvent(tx, event)
}
