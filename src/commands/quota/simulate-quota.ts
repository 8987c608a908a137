import { type Interval, quotaPeriodAt } from '../../../machines/rules/quota-period.ts'
import type { QuotaRecord } from '../../store/quota/quotas.ts'

/** What a metric in a period will have to give, as simulated takings use it up. Moments are epoch milliseconds. */
export interface QuotaSimulation {
  /** The day or month of a moment; null of periods that have no such parts. */
  stretchOf(moment: number): Interval | null
  left(moment: number): number
  /** Takes an amount at a moment; false if there is too little. */
  take(amount: number, moment: number): boolean
}

/** The pots as they stand now, and as their limit will open them. What ends first gives first, as when they are drawn from. */
export function simulateQuota(
  quota: QuotaRecord,
  { timeZone, at }: { readonly timeZone: string; readonly at: number },
): QuotaSimulation {
  const { period } = quota
  const stretchOf = (moment: number) =>
    period === 'day' || period === 'month' ? quotaPeriodAt(period, timeZone, moment) : null
  const own = period === 'rolling' ? windowOf(quota, at) : potsOf(quota, stretchOf)
  const grants = quota.grants.map(({ available, validFrom, validUntil }) => ({
    left: available,
    from: validFrom?.getTime() ?? Number.NEGATIVE_INFINITY,
    until: validUntil?.getTime() ?? Number.POSITIVE_INFINITY,
  }))
  const validAt = (moment: number) =>
    grants.filter(({ from, until }) => from <= moment && until > moment).toSorted((a, b) => a.until - b.until)
  const left = (moment: number) =>
    own.left(moment) + validAt(moment).reduce((sum, grant) => sum + grant.left, 0)

  return {
    stretchOf,
    left,
    take(amount, moment) {
      if (left(moment) < amount) return false
      const takeOwn = (needed: number) => {
        const given = Math.min(own.left(moment), needed)
        own.take(given, moment)
        return needed - given
      }
      // A day ends before any grant that is worth the name; all time never does.
      let needed = period === 'total' ? amount : takeOwn(amount)
      for (const grant of validAt(moment)) {
        const given = Math.min(grant.left, needed)
        grant.left -= given
        needed -= given
      }
      if (period === 'total') takeOwn(needed)
      return true
    },
  }
}

/** What a period gives of its own, without its grants. */
interface OwnRoom {
  left(moment: number): number
  take(amount: number, moment: number): void
}

function potsOf(quota: QuotaRecord, stretchOf: (moment: number) => Interval | null): OwnRoom {
  const ofGrants = quota.grants.reduce((sum, { isValid, available }) => sum + (isValid ? available : 0), 0)
  const present = quota.startsAt?.getTime() ?? null
  const pots = new Map<number | null, number>([[present, quota.available - ofGrants]])
  const keyOf = (moment: number) => stretchOf(moment)?.startsAt ?? null
  const left = (moment: number) => pots.get(keyOf(moment)) ?? quota.limit ?? 0
  return {
    left,
    take: (amount, moment) => void pots.set(keyOf(moment), left(moment) - amount),
  }
}

/** What a sliding window holds now is taken to have come just now: it leaves a span later. */
function windowOf({ limit, windowSeconds, reserved, used }: QuotaRecord, at: number): OwnRoom {
  const held: { readonly at: number; readonly amount: number }[] = [{ at, amount: reserved + used }]
  const spanMs = (windowSeconds ?? 0) * 1_000
  return {
    left: (moment) =>
      Math.max(
        0,
        (limit ?? 0) - held.reduce((sum, each) => sum + (each.at > moment - spanMs ? each.amount : 0), 0),
      ),
    take: (amount, moment) => void held.push({ at: moment, amount }),
  }
}
