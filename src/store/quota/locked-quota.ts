import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { metricsRequiringGrant, openBalances, type QuotaMoment, slideWindows } from './balances.ts'
import type { Metric, QuotaPeriod } from './tables.ts'

/** A balance as the transaction has locked it. */
export interface LockedBalance {
  readonly id: string
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly isGrant: boolean
  readonly isHard: boolean
  readonly startsAt: Date | null
  readonly endsAt: Date | null
  readonly allowance: number
  readonly reserved: number
  readonly used: number
  /** The highest threshold, in percent, that was reported. */
  readonly notifiedThreshold: number
}

/** The limits and balances of an organization, locked until the end of the transaction. */
export interface LockedQuota {
  readonly timeZone: string
  readonly limits: readonly { readonly metric: Metric; readonly period: QuotaPeriod }[]
  /** Those in force that may count at the moment, in the order in which they are debited. */
  readonly balances: readonly LockedBalance[]
}

/** `LockedQuota` as JSON, as the functions of the database return it. */
export interface LockedQuotaJson extends Omit<LockedQuota, 'balances'> {
  readonly balances: readonly (Omit<LockedBalance, 'startsAt' | 'endsAt'> & {
    readonly startsAt: string | null
    readonly endsAt: string | null
  })[]
}

/** Locks an organization's quota, as `lockQuota`, and reads it, in one round trip. */
export async function readLockedQuota(tx: Executor, organizationId: string, at: Date): Promise<LockedQuota> {
  const { rows } = await sql<{ quota: LockedQuotaJson | null }>`
    select lock_quota(${organizationId}, ${at}) as quota`.execute(tx)
  const json = rows[0]?.quota
  if (!json) throw new Error(`there is no organization ${organizationId}`)
  return lockedQuotaOf(json)
}

export function lockedQuotaOf(json: LockedQuotaJson): LockedQuota {
  const dateOf = (text: string | null) => (text === null ? null : new Date(text))
  return {
    ...json,
    balances: json.balances.map((balance) => ({
      ...balance,
      startsAt: dateOf(balance.startsAt),
      endsAt: dateOf(balance.endsAt),
    })),
  }
}

/**
 * Prepares a locked quota for debits at a moment: creates balances that do not exist yet and advances the sliding windows. Usually there
 * is nothing to do, and no statement is run.
 */
export async function prepareBalances(
  tx: Executor,
  moment: QuotaMoment,
  locked: LockedQuota,
  metrics: readonly Metric[],
): Promise<LockedQuota> {
  const hasWindows = locked.limits.some(({ period }) => period === 'rolling')
  if (!hasWindows && !lacksBalance(moment, locked, metrics)) return locked
  await openBalances(tx, moment, metrics)
  if (hasWindows) await slideWindows(tx, moment)
  return await readLockedQuota(tx, moment.organizationId, moment.at)
}

/** Whether a period with a limit, or a metric without one, has no balance yet: what `openBalances` creates. */
function lacksBalance(
  moment: QuotaMoment,
  { limits, balances }: LockedQuota,
  metrics: readonly Metric[],
): boolean {
  const counting = balances.filter((balance) => isCountedAt(moment, balance))
  const isOpen = (metric: Metric, period: QuotaPeriod) =>
    counting.some((balance) => balance.metric === metric && balance.period === period && !balance.isGrant)
  const unlimited = metrics.filter(
    (metric) => !metricsRequiringGrant.includes(metric) && !limits.some((limit) => limit.metric === metric),
  )
  return (
    limits.some(({ metric, period }) => metrics.includes(metric) && !isOpen(metric, period)) ||
    unlimited.some((metric) => !isOpen(metric, 'total'))
  )
}

/** Whether a balance counts at a moment: its period contains it, or the grant is valid. */
export function isCountedAt({ at, day, month }: QuotaMoment, balance: LockedBalance): boolean {
  const { isGrant, period, startsAt, endsAt } = balance
  if (isGrant) return (startsAt === null || startsAt <= at) && (endsAt === null || endsAt > at)
  if (period === 'day') return startsAt?.getTime() === day.startsAt.getTime()
  if (period === 'month') return startsAt?.getTime() === month.startsAt.getTime()
  return true
}
