import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import type { Metric, QuotaPeriod } from '../tables.ts'
import { countsAt, grantedFirst, isInForce, type QuotaMoment } from './balances.ts'

export interface QuotaAmount {
  readonly metric: Metric
  readonly amount: number
}

/** What a draw found of one metric in one period, and left in it. */
export interface QuotaStand {
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly isHard: boolean
  readonly startsAt: Date | null
  readonly endsAt: Date | null
  /** What the limit and the grants allow together. */
  readonly allowance: number
  /** What is reserved and used, with this draw. */
  readonly spoken: number
  /** Up to which share of the allowance, in percent, people were told. */
  readonly toldPercent: number
  /** The period's own pot. */
  readonly quotaId: string
}

export interface QuotaShortage {
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly available: number
  readonly needed: number
}

export type Drawn =
  | { readonly kind: 'drawn'; readonly stands: readonly QuotaStand[] }
  | { readonly kind: 'short'; readonly shortages: readonly [QuotaShortage, ...QuotaShortage[]] }

/**
 * Draws amounts from every period of their metrics at once, all of them or none: into `reserved` for a job, or, for what is
 * spent already and cannot be refused, into `used`. One statement: it locks the pots in one order, looks at their sums, and
 * writes, so that no two draws ever look at the same sum. What ends first gives first. An amount of 0 is not drawn; it only
 * asks that something is left. The pots must be open.
 */
export async function drawQuota(
  tx: Executor,
  moment: QuotaMoment,
  draw:
    | { readonly into: 'reserved'; readonly amounts: readonly QuotaAmount[]; readonly jobId: string }
    | {
        readonly into: 'used'
        readonly amounts: readonly QuotaAmount[]
        readonly jobId: string | null
        /** Makes the same use count once, however often it is told. */
        readonly key: string | null
      },
): Promise<Drawn> {
  const { organizationId, at } = moment
  const refusable = draw.into === 'reserved'
  const column = sql.ref(draw.into)
  const key = draw.into === 'used' ? draw.key : null
  const { rows } = await sql<QuotaStand & { available: number; needed: number; short: boolean }>`
    with need as materialized (
      select metric, amount from json_to_recordset(${JSON.stringify(draw.amounts)}::json) as x (metric text, amount bigint)
       where not exists (select from quota_entry where organization_id = ${organizationId} and key = ${key})
    ), pot as materialized (
      select quota.*, need.amount from quota join need using (metric)
       where organization_id = ${organizationId} and ${countsAt(moment)} and ${isInForce}
       order by quota.id for update of quota
    ), share as (
      select *, least(available, greatest(0, amount - coalesce(sum(available) over before, 0)))::bigint as given
        from pot
      window before as (partition by metric, period order by ends_at nulls last, is_grant desc, id
                        rows between unbounded preceding and 1 preceding)
    ), stand as (
      select metric, period, amount, sum(available)::bigint as available, sum(given)::bigint as given,
             sum(allowance)::bigint as allowance, sum(reserved + used)::bigint as spoken,
             bool_and(is_hard) or (metric = any(${grantedFirst}) and sum(allowance) = 0 and not exists (
               select from quota_limit
                where organization_id = ${organizationId} and quota_limit.metric = share.metric)) as is_hard
        from share group by metric, period, amount
    ), short as (
      select metric, period, available, amount from stand where is_hard and available < greatest(amount, 1)
      union all
      -- Neither a grant nor a limit, of what has to be granted.
      select metric, 'total', 0, amount from need
       where amount > 0 and not exists (select from pot where pot.metric = need.metric)
    ), given as (
      -- What nothing covers is let pass by the period's own pot: there is some only where nobody may refuse it.
      select share.id, share.given + case when share.is_grant then 0 else stand.amount - stand.given end as given
        from share join stand using (metric, period)
       where not ${refusable} or not exists (select from short)
    ), drawn as (
      update quota set ${column} = quota.${column} + given.given, updated_at = clock_timestamp()
        from given where quota.id = given.id and given.given > 0
      returning quota.id, metric, period, given.given, allowance - reserved - used as balance
    ), entered as (
      insert into quota_entry (organization_id, metric, period, quota_id, kind, amount, balance, job_id, key, counted_at)
      select ${organizationId}::uuid, metric, period, id, ${refusable ? 'reserve' : 'use'}, given, balance,
             ${draw.jobId}::uuid, ${key}, ${at} from drawn
    )
    select metric, period, available, greatest(amount, 1) as needed, true as short, null::boolean as "isHard",
           null::timestamptz as "startsAt", null::timestamptz as "endsAt", null::bigint as allowance,
           null::bigint as spoken, null::int as "toldPercent", null::uuid as "quotaId"
      from short where ${refusable}
    union all
    select metric, period, stand.available, stand.amount, false, stand.is_hard, starts_at, ends_at, stand.allowance,
           stand.spoken + stand.amount,
           -- People hear of a sliding window once in a span.
           case when period = 'rolling' and told_at <= window_from then 0 else told_percent end, id
      from stand join pot using (metric, period) where not is_grant`.execute(tx)

  const shortages = rows.filter(({ short }) => short)
  const order = draw.amounts.map(({ metric }) => metric)
  const [first, ...others] = shortages
    .map(({ metric, period, available, needed }) => ({ metric, period, available, needed }))
    .toSorted((a, b) => order.indexOf(a.metric) - order.indexOf(b.metric))
  return first ? { kind: 'short', shortages: [first, ...others] } : { kind: 'drawn', stands: rows }
}

/** What becomes of a reservation: it was consumed, or it was proved not to be. */
export type Settlement = 'commit' | 'release'

export interface Settled extends QuotaAmount {
  readonly kind: Settlement
}

/**
 * Turns what a job reserved into used (`commit`), or gives it back (`release`), metric by metric, in the very pots that it was
 * drawn from, also when their time is over. Once: what is settled already stays as it is. Answers what was settled now.
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
             -- What has left its sliding window meanwhile is not used in it any more.
             case when verdict = 'release' or entry.counted_at <= quota.window_from then 0 else entry.amount end as used
        from quota_entry entry
        join json_to_recordset(${JSON.stringify(input)}::json) as x (metric text, verdict text) using (metric)
        join quota on quota.id = entry.quota_id
       where entry.job_id = ${jobId} and entry.kind = 'reserve'
         and not exists (select from quota_entry settled where settled.settles = entry.id)
       order by quota.id for update of quota
    ), settled as (
      insert into quota_entry (organization_id, metric, period, quota_id, kind, amount, balance, job_id, settles, counted_at)
      select organization_id, metric, period, quota_id, verdict, amount, balance + amount - used, ${jobId}, id, counted_at
        from due
      on conflict do nothing
      returning settles
    ), moved as (
      update quota
         set reserved = quota.reserved - due.amount, used = quota.used + due.used, updated_at = clock_timestamp()
        from due join settled on settled.settles = due.id
       where quota.id = due.quota_id
    ), sums as (
      select metric, verdict as kind, period, sum(amount)::bigint as amount
        from due join settled on settled.settles = due.id group by metric, verdict, period
    )
    -- The same amount was drawn from each period of a metric.
    select distinct metric, kind, amount from sums order by metric`.execute(tx)
  return rows
}

/** Whether anything was ever reserved for a job. */
export async function hasReservation(db: Executor, jobId: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (select from quota_entry where job_id = ${jobId} and kind = 'reserve') as found`.execute(db)
  return rows[0]?.found ?? false
}

/** When more of a metric comes by itself: a new period, a grant that begins, a window that slides. Null if never. */
export async function readMoreAt(
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
          and not exists (select from quota_entry back where back.settles = entry.id and back.kind = 'release'))
    ) as "nextAvailableAt"`.execute(db)
  return rows[0]?.nextAvailableAt ?? null
}

/** Notes up to which share of the allowance people were told, in the period's own pot. */
export async function markTold(tx: Executor, quotaId: string, percent: number, at: Date): Promise<void> {
  await sql`update quota set told_percent = ${percent}, told_at = ${at} where id = ${quotaId}`.execute(tx)
}
