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

/** Waiting jobs that are woken at once. The others check again every ten minutes. */
const maxWokenJobs = 100

/** What waits for quota: due slots without a job, and jobs in `waitingForQuota`. */
export interface WaitingWork {
  readonly scan: OpenScan
  readonly jobs: readonly string[]
}

/** Locks the waiting slots, then the waiting jobs. Must be called before the quota is locked. */
export async function lockWaitingWork(tx: Tx, organizationId: string): Promise<WaitingWork> {
  const scan = await openScan(tx, organizationId)
  const jobs = await lockJobsInState(tx, organizationId, 'waitingForQuota', { limit: maxWokenJobs })
  return { scan, jobs }
}

/**
 * Completes a change of quota: retries the waiting slots and jobs, then appends the change and the thresholds that it reached.
 */
export async function completeQuotaChange(
  tx: Tx,
  deps: CommandDeps,
  { moment, waiting }: { readonly moment: QuotaMoment; readonly waiting: WaitingWork },
  change: {
    readonly type: 'quota.granted' | 'quota.limitChanged' | 'quota.adjusted'
    readonly metric: Metric
    readonly period: QuotaPeriod
    readonly payload: object
  },
): Promise<void> {
  const { organizationId } = moment
  const { type, metric, period, payload } = change
  const debit = await debitQuota(tx, moment, {
    into: 'used',
    amounts: [{ metric, amount: 0 }],
    jobId: null,
    thresholds: quotaThresholds,
    reportedPeriod: period,
  })
  const statuses = debit.kind === 'debited' ? debit.statuses : []
  const reported = statuses.filter((status) => status.period === period)
  await completeScan(tx, deps, waiting.scan, 'quota')
  for (const jobId of waiting.jobs) {
    await sendJobEvent(tx, deps, { organizationId, jobId, event: { type: 'quotaGranted' } })
  }
  await appendEvent(tx, { organizationId, type, payload: { metric, period, ...payload } })
  for (const event of thresholdEvents(organizationId, reported)) await appendEvent(tx, event)
}
