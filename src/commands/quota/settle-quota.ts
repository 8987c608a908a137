import { quotaThresholds } from '../../../machines/rules/quota-period.ts'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockQuota } from '../../store/quota/balances.ts'
import { debitQuota, type Settlement, settleQuota } from '../../store/quota/reservations.ts'
import type { Metric } from '../../store/quota/tables.ts'
import { openQuotaPeriods, thresholdEvents } from './quota-period.ts'

/** Settles what a job reserved, metric by metric and once; says so by an event for what was consumed and what was not. */
export async function settleJobQuota(
  tx: Tx,
  { organizationId, jobId }: { readonly organizationId: string; readonly jobId: string },
  verdicts: { readonly [metric in Metric]?: Settlement },
): Promise<void> {
  await lockQuota(tx, organizationId)
  const settled = await settleQuota(tx, jobId, verdicts)
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

/**
 * Counts what was used without a reservation: bytes that are kept, money that a provider has asked for. It happened, so no
 * limit refuses it; a hard one that it uses up keeps new jobs from being started. Under the same key it counts once.
 */
export async function recordUsage(
  tx: Tx,
  use: {
    readonly organizationId: string
    /** Epoch milliseconds. */
    readonly at: number
    readonly jobId: string | null
    readonly metric: 'storageBytes' | 'providerSpend'
    readonly amount: number
    readonly key: string | null
  },
): Promise<void> {
  const { organizationId, at, jobId, metric, amount, key } = use
  if (amount <= 0) return
  const moment = await openQuotaPeriods(tx, { organizationId, at })
  const debit = await debitQuota(tx, moment, {
    into: 'used',
    amounts: [{ metric, amount }],
    jobId,
    key,
    thresholds: quotaThresholds,
  })
  if (debit.kind === 'short') throw new Error('what was used already was refused')
  if (debit.statuses.length === 0) return
  const payload = { jobId, amounts: { [metric]: amount } }
  await appendEvent(tx, { organizationId, type: 'quota.committed', payload })
  for (const event of thresholdEvents(organizationId, debit.statuses)) await appendEvent(tx, event)
}
