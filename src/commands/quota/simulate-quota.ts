import { type Interval, quotaPeriodAt } from '../../../machines/rules/quota-period.ts'
import type { QuotaRecord } from '../../store/quota/quotas.ts'

/** A simulation of the balances of a metric and period. Moments are epoch milliseconds. */
export interface QuotaSimulation {
  /** The day or month that contains a moment. Null for periods without such parts. */
  intervalOf(moment: number): Interval | null
  availableAt(moment: number): number
  /** Reserves an amount at a moment. Returns false, and changes nothing, if too little is available. */
  reserve(amount: number, moment: number): boolean
}

/** Starts from the current balances; later periods start with their limit. Like a real debit, it debits what expires first. */
export function simulateQuota(
  quota: QuotaRecord,
  { timeZone, at }: { readonly timeZone: string; readonly at: number },
): QuotaSimulation {
  const { period } = quota
  const intervalOf = (moment: number) =>
    period === 'day' || period === 'month' ? quotaPeriodAt(period, timeZone, moment) : null
  const own = period === 'rolling' ? rollingBalance(quota, at) : calendarBalances(quota, intervalOf)
  const grants = quota.grants.map(({ available, validFrom, validUntil }) => ({
    available,
    from: validFrom?.getTime() ?? Number.NEGATIVE_INFINITY,
    until: validUntil?.getTime() ?? Number.POSITIVE_INFINITY,
  }))
  const validAt = (moment: number) =>
    grants.filter(({ from, until }) => from <= moment && until > moment).toSorted((a, b) => a.until - b.until)
  const availableAt = (moment: number) =>
    own.availableAt(moment) + validAt(moment).reduce((sum, grant) => sum + grant.available, 0)

  return {
    intervalOf,
    availableAt,
    reserve(amount, moment) {
      if (availableAt(moment) < amount) return false
      const debitOwn = (needed: number) => {
        const debited = Math.min(own.availableAt(moment), needed)
        own.debit(debited, moment)
        return needed - debited
      }
      // A day or month expires before a grant does; the balance of all time never expires.
      let needed = period === 'total' ? amount : debitOwn(amount)
      for (const grant of validAt(moment)) {
        const debited = Math.min(grant.available, needed)
        grant.available -= debited
        needed -= debited
      }
      if (period === 'total') debitOwn(needed)
      return true
    },
  }
}

/** The balance of a period itself, without grants. */
interface PeriodBalance {
  availableAt(moment: number): number
  debit(amount: number, moment: number): void
}

function calendarBalances(
  quota: QuotaRecord,
  intervalOf: (moment: number) => Interval | null,
): PeriodBalance {
  const ofGrants = quota.grants.reduce((sum, { isValid, available }) => sum + (isValid ? available : 0), 0)
  const current = quota.startsAt?.getTime() ?? null
  const balances = new Map<number | null, number>([[current, quota.available - ofGrants]])
  const keyOf = (moment: number) => intervalOf(moment)?.startsAt ?? null
  const availableAt = (moment: number) => balances.get(keyOf(moment)) ?? quota.limit ?? 0
  return {
    availableAt,
    debit: (amount, moment) => void balances.set(keyOf(moment), availableAt(moment) - amount),
  }
}

/** Assumes that the window's current content was used just now, so that it leaves the window as late as possible. */
function rollingBalance({ limit, windowSeconds, reserved, used }: QuotaRecord, at: number): PeriodBalance {
  const debits: { readonly at: number; readonly amount: number }[] = [{ at, amount: reserved + used }]
  const windowMs = (windowSeconds ?? 0) * 1_000
  return {
    availableAt: (moment) =>
      Math.max(
        0,
        (limit ?? 0) - debits.reduce((sum, each) => sum + (each.at > moment - windowMs ? each.amount : 0), 0),
      ),
    debit: (amount, moment) => void debits.push({ at: moment, amount }),
  }
}
