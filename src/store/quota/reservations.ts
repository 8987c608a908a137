import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { countsAt, isInForce, metricsRequiringGrant, type QuotaMoment } from './balances.ts'
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

/**
 * Debits amounts from every period of their metrics, all of them or none, and records which thresholds that crossed. One statement: it
 * locks the balances in one order, reads their sums and writes them, so that no two debits decide on the same sum. Balances that end
 * first are debited first. An amount of 0 debits nothing; it requires that something is available. Requires `openBalances`.
 */
export async function debitQuota(tx: Executor, moment: QuotaMoment, request: DebitRequest): Promise<Debit> {
  const { organizationId, at } = moment
  const { amounts, into, jobId, key = null, thresholds, reportedPeriod = null } = request
  const isRefusable = into === 'reserved'
  const column = sql.ref(into)
  const { rows } = await sql<QuotaStatus & { available: number; needed: number; isShort: boolean }>`
    with need as materialized (
      select metric, amount from json_to_recordset(${JSON.stringify(amounts)}::json) as x (metric text, amount bigint)
       where not exists (select from quota_entry where organization_id = ${organizationId} and key = ${key})
    ), balance as materialized (
      select quota.*, need.amount,
             -- A sliding window reports again once a span has passed.
             case when period = 'rolling' and notified_at <= window_start then 0 else notified_threshold end as notified
        from quota join need using (metric)
       where organization_id = ${organizationId} and ${countsAt(moment)} and ${isInForce}
       order by quota.id for update of quota
    ), portion as (
      select *, least(available, greatest(0, amount - coalesce(sum(available) over before, 0)))::bigint as covered
        from balance
      window before as (partition by metric, period order by ends_at nulls last, is_grant desc, id
                        rows between unbounded preceding and 1 preceding)
    ), status as (
      select metric, period, amount, sum(available)::bigint as available, sum(covered)::bigint as covered,
             sum(allowance)::bigint as allowance, (sum(reserved + used) + amount)::bigint as committed,
             bool_and(is_hard) or (metric = any(${metricsRequiringGrant}) and sum(allowance) = 0 and not exists (
               select from quota_limit
                where organization_id = ${organizationId} and quota_limit.metric = portion.metric)) as is_hard
        from portion group by metric, period, amount
    ), shortage as (
      select metric, period, available, amount from status where is_hard and available < greatest(amount, 1)
      union all
      -- Metrics that require a grant and have neither a grant nor a limit.
      select metric, 'total', 0, amount from need
       where amount > 0 and not exists (select from balance where balance.metric = need.metric)
    ), crossing as (
      select portion.id, array(
               select percent from unnest(${thresholds}::int[]) as percent
                where status.allowance > 0 and percent > notified and status.committed * 100 >= status.allowance * percent
                order by percent) as thresholds
        from portion join status using (metric, period)
       where not is_grant and (${reportedPeriod}::text is null or period = ${reportedPeriod})
    ), debit as (
      -- What no balance covers is debited from the period's own balance. A refusable debit is covered or refused.
      select portion.id,
             portion.covered + case when portion.is_grant then 0 else status.amount - status.covered end as debited,
             crossing.thresholds[cardinality(crossing.thresholds)] as highest_threshold
        from portion join status using (metric, period) left join crossing on crossing.id = portion.id
       where not ${isRefusable} or not exists (select from shortage)
    ), debited as (
      update quota
         set ${column} = quota.${column} + debit.debited,
             updated_at = case when debit.debited > 0 then clock_timestamp() else quota.updated_at end,
             notified_threshold = coalesce(highest_threshold, notified_threshold),
             notified_at = case when highest_threshold is null then notified_at else ${at}::timestamptz end
        from debit where quota.id = debit.id and (debit.debited > 0 or highest_threshold is not null)
      returning quota.id, metric, period, debit.debited, allowance - reserved - used as balance
    ), entered as (
      insert into quota_entry (organization_id, metric, period, quota_id, kind, amount, balance, job_id, key, counted_at)
      select ${organizationId}::uuid, metric, period, id, ${isRefusable ? 'reserve' : 'use'}, debited, balance,
             ${jobId}::uuid, ${key}, ${at} from debited where debited > 0
    )
    select metric, period, available, greatest(amount, 1) as needed, true as "isShort", null::boolean as "isHard",
           null::timestamptz as "startsAt", null::timestamptz as "endsAt", null::bigint as allowance,
           null::bigint as committed, null::int[] as "crossedThresholds"
      from shortage where ${isRefusable}
    union all
    select metric, period, status.available, status.amount, false, status.is_hard, starts_at, ends_at, status.allowance,
           status.committed, coalesce(crossing.thresholds, '{}')
      from status join balance using (metric, period) left join crossing on crossing.id = balance.id
     where not is_grant`.execute(tx)

  const order = amounts.map(({ metric }) => metric)
  const [first, ...others] = rows
    .filter(({ isShort }) => isShort)
    .map(({ metric, period, available, needed }) => ({ metric, period, available, needed }))
    .toSorted((a, b) => order.indexOf(a.metric) - order.indexOf(b.metric))
  return first ? { kind: 'short', shortages: [first, ...others] } : { kind: 'debited', statuses: rows }
}

/** `commit`: the reservation was consumed. `release`: it is proved that it was not. */
export type Settlement = 'commit' | 'release'

export interface Settled extends QuotaAmount {
  readonly kind: Settlement
}

/**
 * Commits or releases what a job reserved, metric by metric, in the balances that it was reserved in, even if they have ended.
 * Reservations that are settled already stay as they are. Returns what was settled by this call.
 */
export async function settleQuota(
  tx: Executor,
  jobId: string,
  verdicts: { readonly [metric in Metric]?: Settlement },
): Promise<readonly Settled[]> {
  const input = Object.entries(verdicts).map(([metric, verdict]) => ({ metric, verdict }))
  const { rows } = await sql<Settled>`
    with due as materialized (
      select entry.id, entry.quota_id, entry.organization_id, entry.metric, entry.period, entry.amount, entry.counted_at,
             verdict, quota.allowance - quota.reserved - quota.used as balance,
             -- What has left its sliding window is no longer used in it.
             case when verdict = 'release' or entry.counted_at <= quota.window_start then 0 else entry.amount end as used
        from quota_entry entry
        join json_to_recordset(${JSON.stringify(input)}::json) as x (metric text, verdict text) using (metric)
        join quota on quota.id = entry.quota_id
       where entry.job_id = ${jobId} and entry.kind = 'reserve'
         and not exists (select from quota_entry settled where settled.reservation_id = entry.id)
       order by quota.id for update of quota
    ), settled as (
      insert into quota_entry (organization_id, metric, period, quota_id, kind, amount, balance, job_id, reservation_id,
                               counted_at)
      select organization_id, metric, period, quota_id, verdict, amount, balance + amount - used, ${jobId}, id, counted_at
        from due
      on conflict do nothing
      returning reservation_id
    ), updated as (
      update quota
         set reserved = quota.reserved - due.amount, used = quota.used + due.used, updated_at = clock_timestamp()
        from due join settled on settled.reservation_id = due.id
       where quota.id = due.quota_id
    ), sums as (
      select metric, verdict as kind, period, sum(amount)::bigint as amount
        from due join settled on settled.reservation_id = due.id group by metric, verdict, period
    )
    -- Each period of a metric was debited with the same amount.
    select distinct metric, kind, amount from sums order by metric`.execute(tx)
  return rows
}

/** Whether anything was ever reserved for a job. */
export async function hasReservation(db: Executor, jobId: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (select from quota_entry where job_id = ${jobId} and kind = 'reserve') as found`.execute(db)
  return rows[0]?.found ?? false
}

/** When more of a metric becomes available without a person: a new period, a grant's start, or the sliding window. Null if never. */
export async function findNextAvailableAt(
  db: Executor,
  { organizationId, at, day, month }: QuotaMoment,
  { metric, period }: Pick<QuotaShortage, 'metric' | 'period'>,
): Promise<Date | null> {
  const periodEnd = period === 'day' ? day.endsAt : period === 'month' ? month.endsAt : null
  const { rows } = await sql<{ nextAvailableAt: Date | null }>`
    select least(
      ${periodEnd}::timestamptz,
      (select min(starts_at) from quota
        where organization_id = ${organizationId} and metric = ${metric} and period = ${period} and is_grant
          and starts_at > ${at}),
      (select min(entry.counted_at + make_interval(secs => span_seconds))
         from quota_limit join quota_entry entry using (organization_id, metric, period)
        where organization_id = ${organizationId} and metric = ${metric} and period = 'rolling' and period = ${period}
          and entry.kind in ('reserve', 'use') and counted_at > ${at}::timestamptz - make_interval(secs => span_seconds)
          and not exists (select from quota_entry released
                           where released.reservation_id = entry.id and released.kind = 'release'))
    ) as "nextAvailableAt"`.execute(db)
  return rows[0]?.nextAvailableAt ?? null
}
