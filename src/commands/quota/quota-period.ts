import { quotaPeriodAt } from '../../../machines/rules/quota-period.ts'
import type { Tx } from '../../store/database.ts'
import type { NewEvent } from '../../store/event/append.ts'
import {
  lockQuota,
  openBalances,
  type QuotaMoment,
  readCalendar,
  slideWindows,
} from '../../store/quota/balances.ts'
import type { QuotaStatus } from '../../store/quota/reservations.ts'
import type { Metric, QuotaPeriod } from '../../store/quota/tables.ts'

export const quotaMetrics: readonly Metric[] = [
  'videos',
  'seconds',
  'uploads',
  'storageBytes',
  'providerSpend',
]
export const quotaPeriods: readonly QuotaPeriod[] = ['total', 'day', 'month', 'rolling']

/** An instant as an organization of a zone counts it. `at` in epoch milliseconds. */
export function quotaMomentIn(timeZone: string, organizationId: string, at: number): QuotaMoment {
  const datesOf = (period: 'day' | 'month') => {
    const { startsAt, endsAt } = quotaPeriodAt(period, timeZone, at)
    return { startsAt: new Date(startsAt), endsAt: new Date(endsAt) }
  }
  return { organizationId, at: new Date(at), day: datesOf('day'), month: datesOf('month') }
}

/** The same, of an organization by its own zone. */
export async function quotaMomentOf(
  tx: Tx,
  { organizationId, at }: { readonly organizationId: string; readonly at: number },
): Promise<QuotaMoment> {
  const { timeZone } = await readCalendar(tx, organizationId)
  return quotaMomentIn(timeZone, organizationId, at)
}

/**
 * Opens the books of an organization, which are the transaction's own from then on: the pots of this day and month are there,
 * and the sliding windows stand where they should. After plans, slots and jobs, before the event sequence.
 */
export async function openQuotaPeriods(
  tx: Tx,
  { organizationId, at }: { readonly organizationId: string; readonly at: number },
): Promise<QuotaMoment> {
  const { timeZone, hasWindows } = await lockQuota(tx, organizationId)
  const moment = quotaMomentIn(timeZone, organizationId, at)
  await openBalances(tx, moment, quotaMetrics)
  if (hasWindows) await slideWindows(tx, moment)
  return moment
}

/** The events of a debit: the thresholds that it crossed, and what a soft limit let pass. The caller appends them last. */
export function thresholdEvents(
  organizationId: string,
  statuses: readonly QuotaStatus[],
): readonly NewEvent[] {
  const events: NewEvent[] = []
  for (const status of statuses) {
    const { metric, period, startsAt, endsAt, allowance: granted, committed: spoken, isHard } = status
    const payload = { metric, period, startsAt, endsAt, granted, committed: spoken }
    for (const percent of status.crossedThresholds)
      events.push({ organizationId, type: 'quota.thresholdReached', payload: { ...payload, percent } })
    if (!isHard && granted > 0 && spoken > granted)
      events.push({
        organizationId,
        type: 'quota.limitExceeded',
        payload: { ...payload, excess: spoken - granted },
      })
  }
  return events
}
