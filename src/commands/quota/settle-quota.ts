import { quotaThresholds } from '../../../machines/rules/quota-period.ts'
import type { Tx } from '../../store/database.ts'
import { appendEvent, type NewEvent } from '../../store/event/append.ts'
import { lockQuota } from '../../store/quota/balances.ts'
import { debitQuota, type Settlement, settleQuota } from '../../store/quota/reservations.ts'
import type { Metric } from '../../store/quota/tables.ts'
import { openQuotaPeriods, thresholdEvents } from './quota-period.ts'

/** Settles a job's reservations, each metric once, and appends an event for what was committed and one for what was released. */
export async function settleJobQuota(
  tx: Tx,
  { organizationId, jobId }: { readonly organizationId: string; readonly jobId: string },
  settlements: { readonly [metric in Metric]?: Settlement },
): Promise<void> {
  await lockQuota(tx, organizationId)
  const settled = await settleQuota(tx, jobId, settlements)
  for (const [kind, type] of [
    ['commit', 'quota.committed'],
    ['release', 'quota.released'],
  ] as const) {
    const amounts = settled.filter((each) => each.kind === kind).map(({ metric, amount }) => [metric, amount])
    if (amounts.length === 0) continue
    await appendEvent(tx, {
      organizationId,
      type,
      payload: { jobId, amounts: Object.fromEntries(amounts) },
    })
  }
}

/** Usage that had no reservation. */
export interface Usage {
  readonly organizationId: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly jobId: string | null
  readonly metric: 'storageBytes' | 'providerSpend'
  readonly amount: number
  readonly key: string | null
}

/**
 * Records usage that had no reservation: stored bytes, or a provider's charge. No limit refuses it, because it has happened; a
 * hard limit that it exhausts prevents new jobs. Usage with the same key is recorded once.
 */
export async function recordUsage(tx: Tx, use: Usage): Promise<void> {
  for (const event of await debitUsage(tx, use)) await appendEvent(tx, event)
}

/** The same without appending the events, which the caller appends after all other locks. */
export async function debitUsage(tx: Tx, use: Usage): Promise<readonly NewEvent[]> {
  const { organizationId, at, jobId, metric, amount, key } = use
  if (amount <= 0) return []
  const moment = await openQuotaPeriods(tx, { organizationId, at })
  const debit = await debitQuota(tx, moment, {
    into: 'used',
    amounts: [{ metric, amount }],
    jobId,
    key,
    thresholds: quotaThresholds,
  })
  if (debit.kind === 'short') throw new Error('usage that has happened was refused')
  if (debit.statuses.length === 0) return []
  const payload = { jobId, amounts: { [metric]: amount } }
  const committed = { organizationId, type: 'quota.committed', payload }
  return [committed, ...thresholdEvents(organizationId, debit.statuses)]
}
