import { type RawBuilder, sql } from 'kysely'
import { metricsRequiringGrant, type QuotaMoment } from './balances.ts'
import { isCountedAt, type LockedBalance, type LockedQuota } from './locked-quota.ts'
import type { Metric, QuotaPeriod } from './tables.ts'

export interface QuotaAmount {
  readonly metric: Metric
  readonly amount: number
}

/** The status of a metric in a period after a debit. */
export interface QuotaStatus {
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly isHard: boolean
  readonly startsAt: Date | null
  readonly endsAt: Date | null
  /** The sum of the limit and the grants. */
  readonly allowance: number
  /** What is reserved and used, including this debit. */
  readonly committed: number
  /** The thresholds, in percent of the allowance, that are reached and were not reported before; ascending. */
  readonly crossedThresholds: readonly number[]
}

export interface QuotaShortage {
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly available: number
  readonly needed: number
}

export interface DebitRequest {
  readonly amounts: readonly QuotaAmount[]
  /** Reserved for a job, or used already and therefore never refused. */
  readonly into: 'reserved' | 'used'
  readonly jobId: string | null
  /** Makes the same usage count once, however often it is reported. */
  readonly key?: string | null
  /** Shares of an allowance, in percent, whose crossing is reported, each once per period. */
  readonly thresholds: readonly number[]
  /** Reports thresholds of this period only. Default: of all periods. */
  readonly reportedPeriod?: QuotaPeriod
}

export type Debit =
  | { readonly kind: 'debited'; readonly statuses: readonly QuotaStatus[] }
  | { readonly kind: 'short'; readonly shortages: readonly [QuotaShortage, ...QuotaShortage[]] }

/** A balance while debits change it. */
interface OpenBalance extends LockedBalance {
  reserved: number
  used: number
  notifiedThreshold: number
}

/** What the debits have changed of a balance. */
interface Change {
  reserved: number
  used: number
  threshold: number | null
}

interface Entry {
  readonly quota_id: string
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly kind: 'reserve' | 'use'
  readonly amount: number
  /** What is left of the balance after the debit. */
  readonly balance: number
  readonly job_id: string | null
  readonly key: string | null
}

/** The balances of a metric in a period, as one sum. */
interface PeriodSum {
  readonly amount: number
  readonly balances: readonly OpenBalance[]
  readonly own: OpenBalance | undefined
  readonly available: number
  readonly allowance: number
  readonly committed: number
  readonly isHard: boolean
}

const availableOf = ({ allowance, reserved, used }: OpenBalance) => Math.max(0, allowance - reserved - used)

/**
 * Debits of locked balances at a moment, decided in memory one after the other and written together: five hundred jobs cost as many
 * statements as one. Between the lock and the write no other transaction changes the balances.
 */
export class QuotaDebits {
  readonly moment: QuotaMoment
  readonly #limits: LockedQuota['limits']
  readonly #balances: readonly OpenBalance[]
  readonly #changes = new Map<string, Change>()
  readonly #entries: Entry[] = []

  constructor(moment: QuotaMoment, { limits, balances }: LockedQuota) {
    this.moment = moment
    this.#limits = limits
    this.#balances = balances
      .filter((balance) => isCountedAt(moment, balance))
      .map((balance) => ({ ...balance }))
  }

  /**
   * Debits amounts from every period of their metrics, all of them or none, and notes which thresholds that crossed. Balances that
   * end first are debited first. An amount of 0 debits nothing; if refusable, it requires that something is available.
   */
  debit({ amounts, into, jobId, key = null, thresholds, reportedPeriod }: DebitRequest): Debit {
    const sums = amounts.flatMap((needed) => this.#sumsOf(needed))
    if (into === 'reserved') {
      const [first, ...others] = amounts.flatMap((needed) => this.#shortagesOf(needed, sums))
      if (first) return { kind: 'short', shortages: [first, ...others] }
    }
    const statuses = sums.flatMap((sum): readonly QuotaStatus[] => {
      for (const [balance, amount] of portionsOf(sum)) this.#debitBalance(balance, amount, into, jobId, key)
      const { own, isHard, allowance, committed } = sum
      if (!own) return []
      const { metric, period, startsAt, endsAt } = own
      const isReported = reportedPeriod === undefined || reportedPeriod === period
      const crossedThresholds = isReported
        ? this.#crossThresholds(own, thresholds, { allowance, committed })
        : []
      return [{ metric, period, isHard, startsAt, endsAt, allowance, committed, crossedThresholds }]
    })
    return { kind: 'debited', statuses }
  }

  /** Common table expressions that write the balances and the ledger. */
  write(): RawBuilder<unknown> {
    const changes = [...this.#changes].map(([quota_id, change]) => ({ quota_id, ...change }))
    const { organizationId, at } = this.moment
    return sql`debited as (
        update quota
           set reserved = quota.reserved + change.reserved, used = quota.used + change.used,
               updated_at = case when change.reserved + change.used > 0 then clock_timestamp() else quota.updated_at end,
               notified_threshold = coalesce(change.threshold, notified_threshold),
               notified_at = case when change.threshold is null then notified_at else ${at}::timestamptz end
          from jsonb_to_recordset(${JSON.stringify(changes)}::jsonb)
               as change (quota_id uuid, reserved bigint, used bigint, threshold int)
         where quota.id = change.quota_id
      ), entered as (
        insert into quota_entry (organization_id, metric, period, quota_id, kind, amount, balance, job_id, key, counted_at)
        select ${organizationId}::uuid, metric, period, quota_id, kind, amount, balance, job_id, key, ${at}::timestamptz
          from jsonb_to_recordset(${JSON.stringify(this.#entries)}::jsonb)
               as entry (quota_id uuid, metric text, period text, kind text, amount bigint, balance bigint, job_id uuid, key text)
      )`
  }

  #sumsOf({ metric, amount }: QuotaAmount): readonly PeriodSum[] {
    const ofMetric = this.#balances.filter((balance) => balance.metric === metric)
    const hasLimit = this.#limits.some((limit) => limit.metric === metric)
    return [...Map.groupBy(ofMetric, ({ period }) => period).values()].map((balances) => {
      const sum = (of: (balance: OpenBalance) => number) =>
        balances.reduce((total, each) => total + of(each), 0)
      const allowance = sum((balance) => balance.allowance)
      return {
        amount,
        balances,
        own: balances.find(({ isGrant }) => !isGrant),
        available: sum(availableOf),
        allowance,
        committed: sum(({ reserved, used }) => reserved + used) + amount,
        isHard:
          balances.every(({ isHard }) => isHard) ||
          (metricsRequiringGrant.includes(metric) && allowance === 0 && !hasLimit),
      }
    })
  }

  #shortagesOf({ metric, amount }: QuotaAmount, sums: readonly PeriodSum[]): readonly QuotaShortage[] {
    const needed = Math.max(amount, 1)
    const ofMetric = sums.filter(({ balances }) => balances[0]?.metric === metric)
    // A metric that requires a grant and has neither a grant nor a limit.
    if (ofMetric.length === 0 && amount > 0) return [{ metric, period: 'total', available: 0, needed }]
    return ofMetric.flatMap(({ isHard, available, balances: [first] }) =>
      first && isHard && available < needed ? [{ metric, period: first.period, available, needed }] : [],
    )
  }

  #debitBalance(
    balance: OpenBalance,
    amount: number,
    into: DebitRequest['into'],
    jobId: string | null,
    key: string | null,
  ): void {
    if (amount === 0) return
    balance[into] += amount
    this.#changeOf(balance)[into] += amount
    this.#entries.push({
      quota_id: balance.id,
      metric: balance.metric,
      period: balance.period,
      kind: into === 'reserved' ? 'reserve' : 'use',
      amount,
      balance: balance.allowance - balance.reserved - balance.used,
      job_id: jobId,
      key,
    })
  }

  #crossThresholds(
    own: OpenBalance,
    thresholds: readonly number[],
    { allowance, committed }: Pick<PeriodSum, 'allowance' | 'committed'>,
  ): readonly number[] {
    const crossed = thresholds
      .filter((percent) => percent > own.notifiedThreshold && committed * 100 >= allowance * percent)
      .toSorted((a, b) => a - b)
    const highest = crossed.at(-1)
    if (allowance === 0 || highest === undefined) return []
    own.notifiedThreshold = highest
    this.#changeOf(own).threshold = highest
    return crossed
  }

  #changeOf({ id }: OpenBalance): Change {
    const change = this.#changes.get(id) ?? { reserved: 0, used: 0, threshold: null }
    this.#changes.set(id, change)
    return change
  }
}

/** What each balance of a period is debited with. What none covers is debited from the period's own balance. */
function portionsOf({ amount, balances, own }: PeriodSum): readonly (readonly [OpenBalance, number])[] {
  let left = amount
  const portions = new Map<OpenBalance, number>()
  for (const balance of balances) {
    const covered = Math.min(availableOf(balance), left)
    portions.set(balance, covered)
    left -= covered
  }
  if (own) portions.set(own, (portions.get(own) ?? 0) + left)
  return [...portions]
}
