import { quotaPeriodAt } from '../../../machines/rules/quota-period.ts'
import type { Executor, Tx } from '../../store/database.ts'
import type { NewEvent } from '../../store/event/append.ts'
import { type QuotaMoment, readCalendar } from '../../store/quota/balances.ts'
import { QuotaDebits, type QuotaStatus } from '../../store/quota/debits.ts'
import { type LockedQuota, prepareBalances, readLockedQuota } from '../../store/quota/locked-quota.ts'
import type { Metric, QuotaPeriod } from '../../store/quota/tables.ts'

export const quotaMetrics: readonly Metric[] = [
  'videos',
  'seconds',
  'uploads',
  'storageBytes',
  'providerSpend',
]
export const quotaPeriods: readonly QuotaPeriod[] = ['total', 'day', 'month', 'rolling']

/** An instant with the quota day and month that contain it in a time zone. `at` is in epoch milliseconds. */
export function quotaMomentIn(timeZone: string, organizationId: string, at: number): QuotaMoment {
  const datesOf = (period: 'day' | 'month') => {
    const { startsAt, endsAt } = quotaPeriodAt(period, timeZone, at)
    return { startsAt: new Date(startsAt), endsAt: new Date(endsAt) }
  }
  return { organizationId, at: new Date(at), day: datesOf('day'), month: datesOf('month') }
}

/** The same in the organization's own time zone. */
export async function quotaMomentOf(
  tx: Executor,
  { organizationId, at }: { readonly organizationId: string; readonly at: number },
): Promise<QuotaMoment> {
  const { timeZone } = await readCalendar(tx, organizationId)
  return quotaMomentIn(timeZone, organizationId, at)
}

/**
 * Locks an organization's quota until the end of the transaction, creates the balances of the current day and month, and advances
 * the rolling windows. Locked after plans, slots and jobs, before the event sequence.
 */
export async function openQuotaPeriods(
  tx: Tx,
  { organizationId, at }: { readonly organizationId: string; readonly at: number },
): Promise<QuotaMoment> {
  return (await openDebits(tx, { organizationId, at })).moment
}

/** The same, and prepares debits of the balances. `locked` is the quota at the same instant if the transaction has locked it already. */
export async function openDebits(
  tx: Tx,
  { organizationId, at }: { readonly organizationId: string; readonly at: number },
  locked?: LockedQuota,
): Promise<QuotaDebits> {
  const quota = locked ?? (await readLockedQuota(tx, organizationId, new Date(at)))
  const moment = quotaMomentIn(quota.timeZone, organizationId, at)
  return new QuotaDebits(moment, await prepareBalances(tx, moment, quota, quotaMetrics))
}

/** Returns the events of a debit: each threshold that it crossed, and usage beyond a soft limit. The caller appends them last. */
export function thresholdEvents(
  organizationId: string,
  statuses: readonly QuotaStatus[],
): readonly NewEvent[] {
  const events: NewEvent[] = []
  for (const status of statuses) {
    const { metric, period, startsAt, endsAt, allowance: granted, committed, isHard } = status
    const payload = { metric, period, startsAt, endsAt, granted, committed }
    for (const percent of status.crossedThresholds)
      events.push({ organizationId, type: 'quota.thresholdReached', payload: { ...payload, percent } })
    if (!isHard && granted > 0 && committed > granted)
      events.push({
        organizationId,
        type: 'quota.limitExceeded',
        payload: { ...payload, excess: committed - granted },
      })
  }
  return events
}
