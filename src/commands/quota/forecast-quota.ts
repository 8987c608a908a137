import type { Interval } from '../../../machines/rules/quota-period.ts'
import type { Executor } from '../../store/database.ts'
import { listPlannedSlots, type PlannedSlot } from '../../store/plan/planned-slots.ts'
import { metricsRequiringGrant, readCalendar } from '../../store/quota/balances.ts'
import { listQuotas, type QuotaRecord } from '../../store/quota/quotas.ts'
import type { Metric, QuotaPeriod } from '../../store/quota/tables.ts'
import { scanWindowHours } from '../plan/scan.ts'
import { quotaMomentIn } from './quota-period.ts'
import { simulateQuota } from './simulate-quota.ts'

/** Forecasts the quota for the slots of a plan that have no job yet. `at` is now, in epoch milliseconds. */
export async function forecastQuota(
  tx: Executor,
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

/** The quota forecast of a metric and period for a plan's slots without a job. JSON: times are ISO 8601. */
export interface QuotaForecast {
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly enforcement: QuotaRecord['enforcement']
  /** How much the plan's slots need. */
  readonly needed: number
  /** How much is available now. Null if there is no limit. */
  readonly available: number | null
  /** When the first slot without enough quota is due. */
  readonly firstShortfallAt: string | null
  /** How many of the plan's slots will lack quota. */
  readonly shortfallSlotCount: number
  readonly message: string
  readonly periods: readonly ForecastPeriod[]
}

/** A day or month, or the whole of another period, in which slots of the plan need quota. */
export interface ForecastPeriod {
  readonly startsAt: string | null
  readonly endsAt: string | null
  readonly needed: number
  /** How much the slots of other plans on autopilot need. */
  readonly neededByOtherPlans: number
  /** How much is available for all of them. Null if there is no limit. */
  readonly available: number | null
}

interface Tally {
  readonly interval: Interval | null
  readonly available: number
  needed: number
  neededByOtherPlans: number
}

/** How much a slot needs of each metric. Bytes and money cannot be forecast. */
export const slotAmounts: ReadonlyMap<Metric, (slot: PlannedSlot) => number> = new Map([
  ['videos', ({ isGenerated }: PlannedSlot) => (isGenerated ? 1 : 0)],
  ['seconds', ({ seconds, isGenerated }: PlannedSlot) => (isGenerated ? seconds : 0)],
  ['uploads', () => 1],
])

/**
 * Forecasts which slots of a plan will lack quota of a metric in a period. It simulates all slots that will run, of this plan and
 * others, in the order in which they are due: each reserves what it needs as early as a scan may start its job, or else when it
 * is due. `at` is now, in epoch milliseconds.
 */
export function forecastMetric(
  quota: QuotaRecord,
  slots: readonly PlannedSlot[],
  { timeZone, at }: { readonly timeZone: string; readonly at: number },
): QuotaForecast {
  const { metric, period, enforcement } = quota
  const isLimited = enforcement !== 'NONE'
  const amountOf = slotAmounts.get(metric) ?? (() => 0)
  const simulation = simulateQuota(quota, { timeZone, at })
  const tallies = new Map<number | null, Tally>()
  const tallyAt = (moment: number) => {
    const interval = simulation.intervalOf(moment)
    const key = interval?.startsAt ?? null
    const tally = tallies.get(key) ?? {
      interval,
      available: simulation.availableAt(moment),
      needed: 0,
      neededByOtherPlans: 0,
    }
    tallies.set(key, tally)
    return tally
  }

  const short: PlannedSlot[] = []
  for (const slot of slots) {
    const dueAt = slot.publishAt.getTime()
    const amount = amountOf(slot)
    const firstAt = Math.max(at, dueAt - scanWindowHours * 3_600_000)
    const lastAt = Math.max(at, dueAt)
    for (const moment of [firstAt, lastAt]) tallyAt(moment)
    const reservedAt = isLimited
      ? [firstAt, lastAt].find((moment) => simulation.reserve(amount, moment))
      : firstAt
    if (reservedAt === undefined && slot.isOwn) short.push(slot)
    tallyAt(reservedAt ?? firstAt)[slot.isOwn ? 'needed' : 'neededByOtherPlans'] += amount
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
      startsAt: isoOf(tally.interval?.startsAt),
      endsAt: isoOf(tally.interval?.endsAt),
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
const periodWords: Readonly<Record<QuotaPeriod, string>> = {
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
  return `${plan}, ${available} left${periodWords[period]}: ${day === undefined ? 'enough' : `short from ${day}`}`
}

const isoOf = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString())
