import type { Interval } from '../../../machines/rules/quota-period.ts'
import type { Tx } from '../../store/database.ts'
import { metricsRequiringGrant, readCalendar } from '../../store/quota/balances.ts'
import { listPlannedSlots, type PlannedSlot } from '../../store/quota/planned-slots.ts'
import { listQuotas, type QuotaRecord } from '../../store/quota/quotas.ts'
import type { Metric, QuotaPeriod } from '../../store/quota/tables.ts'
import { scanWindowHours } from '../plan/scan.ts'
import { quotaMomentIn } from './quota-period.ts'
import { simulateQuota } from './simulate-quota.ts'

/** What the quotas will make of the slots of a plan that have no job yet, as things stand. `at` in epoch milliseconds. */
export async function forecastQuota(
  tx: Tx,
  {
    organizationId,
    planId,
    at,
  }: { readonly organizationId: string; readonly planId: string; readonly at: number },
): Promise<readonly QuotaForecast[]> {
  const { timeZone } = await readCalendar(tx, organizationId)
  const moment = quotaMomentIn(timeZone, organizationId, at)
  const slots = await listPlannedSlots(tx, organizationId, { planId, from: moment.at })
  const quotas = await listQuotas(tx, moment)
  return [...slotAmounts.keys()].flatMap((metric) => {
    const known = quotas.filter((quota) => quota.metric === metric)
    return (known.length > 0 ? known : [neverGranted(metric)]).map((quota) =>
      forecastMetric(quota, slots, { timeZone, at }),
    )
  })
}

function neverGranted(metric: Metric): QuotaRecord {
  const enforcement = metricsRequiringGrant.includes(metric) ? 'HARD' : 'NONE'
  const nothing = { granted: 0, available: 0, reserved: 0, used: 0, grants: [] }
  const period = {
    period: 'total',
    windowSeconds: null,
    limit: null,
    startsAt: null,
    resetsAt: null,
  } as const
  return { metric, enforcement, ...period, ...nothing, updatedAt: new Date(0) }
}

/** What the quota of a metric will make of a plan's slots that have no job yet. JSON: times are ISO 8601. */
export interface QuotaForecast {
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly enforcement: QuotaRecord['enforcement']
  /** How much the plan's slots will ask for. */
  readonly needed: number
  /** What is left now; null if it is not limited. */
  readonly available: number | null
  /** When the first slot of the plan is due that finds no room. */
  readonly firstShortfallAt: string | null
  /** How many of the plan's slots find none. */
  readonly shortfallSlotCount: number
  readonly message: string
  readonly periods: readonly ForecastPeriod[]
}

/** One day, one month, or all of a period that has no parts, in which slots of the plan ask for quota. */
export interface ForecastPeriod {
  readonly startsAt: string | null
  readonly endsAt: string | null
  readonly needed: number
  /** How much the slots of other plans will ask for, that run by themselves. */
  readonly neededByOtherPlans: number
  /** What it has for all of them; null if it is not limited. */
  readonly available: number | null
}

interface Tally {
  readonly stretch: Interval | null
  readonly available: number
  needed: number
  neededByOtherPlans: number
}

/** What a slot asks for. Of bytes and money nobody can tell. */
export const slotAmounts: ReadonlyMap<Metric, (slot: PlannedSlot) => number> = new Map([
  ['videos', () => 1],
  ['seconds', ({ seconds }: PlannedSlot) => seconds],
  ['uploads', () => 1],
])

/**
 * Foretells, of a metric in a period, which slots of a plan will find it short: every slot that is to run, of this plan and
 * the others, asks in its turn for what it needs, first as early as a scan may start its job, and again until it is due. The
 * slots come in the order in which they fall due; `at` is now, in epoch milliseconds.
 */
export function forecastMetric(
  quota: QuotaRecord,
  slots: readonly PlannedSlot[],
  { timeZone, at }: { readonly timeZone: string; readonly at: number },
): QuotaForecast {
  const { metric, period, enforcement } = quota
  const isLimited = enforcement !== 'NONE'
  const demand = slotAmounts.get(metric) ?? (() => 0)
  const room = simulateQuota(quota, { timeZone, at })
  const tallies = new Map<number | null, Tally>()
  const tallyAt = (moment: number) => {
    const stretch = room.stretchOf(moment)
    const key = stretch?.startsAt ?? null
    const tally = tallies.get(key) ?? {
      stretch,
      available: room.left(moment),
      needed: 0,
      neededByOtherPlans: 0,
    }
    tallies.set(key, tally)
    return tally
  }

  const short: PlannedSlot[] = []
  for (const slot of slots) {
    const dueAt = slot.publishAt.getTime()
    const amount = demand(slot)
    const firstAt = Math.max(at, dueAt - scanWindowHours * 3_600_000)
    const lastAt = Math.max(at, dueAt)
    for (const moment of [firstAt, lastAt]) tallyAt(moment)
    const takenAt = isLimited ? [firstAt, lastAt].find((moment) => room.take(amount, moment)) : firstAt
    if (takenAt === undefined && slot.isOwn) short.push(slot)
    tallyAt(takenAt ?? firstAt)[slot.isOwn ? 'needed' : 'neededByOtherPlans'] += amount
  }

  const periods = [...tallies.values()].filter(({ needed }) => needed > 0)
  const needed = periods.reduce((sum, tally) => sum + tally.needed, 0)
  const available = isLimited ? quota.available : null
  const firstShortfallAt = short[0]?.publishAt ?? null
  return {
    metric,
    period,
    enforcement,
    needed,
    available,
    firstShortfallAt: firstShortfallAt?.toISOString() ?? null,
    shortfallSlotCount: short.length,
    message: messageOf({ metric, period, needed, available, firstShortfallAt, timeZone }),
    periods: periods.map((tally) => ({
      startsAt: isoOf(tally.stretch?.startsAt),
      endsAt: isoOf(tally.stretch?.endsAt),
      needed: tally.needed,
      neededByOtherPlans: tally.neededByOtherPlans,
      available: isLimited ? tally.available : null,
    })),
  }
}

const units: Readonly<Record<Metric, string>> = {
  videos: 'videos',
  seconds: 'seconds',
  uploads: 'uploads',
  storageBytes: 'bytes',
  providerSpend: 'millionths of a currency unit',
}
const whens: Readonly<Record<QuotaPeriod, string>> = {
  total: '',
  day: ' today',
  month: ' this month',
  rolling: ' now',
}

function messageOf(
  forecast: Pick<QuotaForecast, 'metric' | 'period' | 'needed' | 'available'> & {
    readonly firstShortfallAt: Date | null
    readonly timeZone: string
  },
): string {
  const { metric, period, needed, available, firstShortfallAt, timeZone } = forecast
  const plan = `${needed} ${units[metric]} planned`
  if (available === null) return `${plan}, no limit`
  const day = firstShortfallAt?.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', timeZone })
  return `${plan}, ${available} left${whens[period]}: ${day === undefined ? 'enough' : `short from ${day}`}`
}

const isoOf = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString())
