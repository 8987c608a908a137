import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Executor } from '../database.ts'
import type { Metric, QuotaPeriod } from './tables.ts'

/** Metrics of which nothing may be used before a grant or a limit exists. All others are unlimited until then. */
export const metricsRequiringGrant: readonly Metric[] = ['videos', 'seconds']

export interface QuotaLimit {
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly amount: number
  readonly isHard: boolean
  /** Null except for a sliding window. */
  readonly windowSeconds: number | null
}

/** An instant, with the day and the month that it belongs to in the organization's time zone. */
export interface QuotaMoment {
  readonly organizationId: string
  readonly at: Date
  readonly day: { readonly startsAt: Date; readonly endsAt: Date }
  readonly month: { readonly startsAt: Date; readonly endsAt: Date }
}

export interface QuotaCalendar {
  /** The zone whose midnight begins a day and a month. */
  readonly timeZone: string
}

const calendar = sql`select time_zone as "timeZone" from organization`

export async function readCalendar(db: Executor, organizationId: string): Promise<QuotaCalendar> {
  const { rows } = await sql<QuotaCalendar>`${calendar} where id = ${organizationId}`.execute(db)
  return onlyOne(rows, organizationId)
}

/**
 * Locks an organization's quota until the end of the transaction. Every writer takes this lock first: balances are created at any
 * time, so locking them one by one could miss some. Reads after it see what the last writer committed.
 */
export async function lockQuota(tx: Executor, organizationId: string): Promise<QuotaCalendar> {
  const { rows } = await sql<QuotaCalendar>`
    ${calendar} where id = ${organizationId} for no key update of organization`.execute(tx)
  return onlyOne(rows, organizationId)
}

function onlyOne(rows: readonly QuotaCalendar[], organizationId: string): QuotaCalendar {
  const [row] = rows
  if (!row) throw new Error(`there is no organization ${organizationId}`)
  return row
}

export async function setTimeZone(tx: Executor, organizationId: string, timeZone: string): Promise<void> {
  await sql`
    update organization set time_zone = ${timeZone}, updated_at = now() where id = ${organizationId}`.execute(
    tx,
  )
}

/** Selects the balances that count at an instant: those of the periods that contain it, and the grants that are valid. */
export function countsAt({ at, day, month }: QuotaMoment): RawBuilder<SqlBool> {
  return sql<SqlBool>`case
    when quota.is_grant then coalesce(quota.starts_at <= ${at}, true) and coalesce(quota.ends_at > ${at}, true)
    when quota.period = 'day' then quota.starts_at = ${day.startsAt}
    when quota.period = 'month' then quota.starts_at = ${month.startsAt}
    else true end`
}

/**
 * Opens the balances that an instant needs and that do not exist yet: of every limited period, and of unlimited metrics, whose usage
 * is counted too. Requires `lockQuota`.
 */
export async function openBalances(
  tx: Executor,
  moment: QuotaMoment,
  metrics: readonly Metric[],
): Promise<void> {
  const { organizationId, at, day, month } = moment
  const unlimited = metrics.filter((metric) => !metricsRequiringGrant.includes(metric))
  await sql`
    with limited as (
      select metric, period, amount, is_hard,
             case period when 'day' then ${day.startsAt}::timestamptz when 'month' then ${month.startsAt} end as starts_at,
             case period when 'day' then ${day.endsAt}::timestamptz when 'month' then ${month.endsAt} end as ends_at
        from quota_limit
       where organization_id = ${organizationId} and metric = any(${metrics})
         and not exists (
             select from quota
              where not is_grant and (quota.organization_id, quota.metric, quota.period)
                    = (quota_limit.organization_id, quota_limit.metric, quota_limit.period)
                and case period when 'day' then starts_at = ${day.startsAt} when 'month' then starts_at = ${month.startsAt}
                                else true end)
    ), opened as (
      insert into quota (organization_id, metric, period, allowance, is_hard, starts_at, ends_at)
      select ${organizationId}::uuid, metric, period, amount, is_hard, starts_at, ends_at from limited
      union all
      select ${organizationId}::uuid, metric, 'total', 0, false, null, null
        from unnest(${unlimited}::text[]) as metric
       where not exists (select from quota_limit
                          where organization_id = ${organizationId} and quota_limit.metric = metric.metric)
         and not exists (select from quota
                          where organization_id = ${organizationId} and quota.metric = metric.metric and period = 'total')
      returning id, metric, period, allowance
    )
    insert into quota_entry (organization_id, metric, period, quota_id, kind, amount, balance, reason, counted_at)
    select ${organizationId}, metric, period, id, 'limit', allowance, allowance, 'the period began', ${at}
      from opened where allowance > 0`.execute(tx)
}

/** Removes from the sliding windows what is older than their span. */
export async function slideWindows(tx: Executor, { organizationId, at }: QuotaMoment): Promise<void> {
  await sql`
    update quota
       set window_start = span.starts_at, updated_at = clock_timestamp(),
           used = (select coalesce(sum(amount), 0)::bigint from quota_entry
                    where quota_id = quota.id and kind in ('commit', 'use') and counted_at > span.starts_at)
      from (select metric, ${at}::timestamptz - make_interval(secs => span_seconds) as starts_at from quota_limit
             where organization_id = ${organizationId} and period = 'rolling') as span
     where quota.organization_id = ${organizationId} and quota.period = 'rolling' and not is_grant
       and span.metric = quota.metric`.execute(tx)
}

/** Lists the current balances of days and months, whose ends depend on the organization's time zone. */
export async function listCalendarBalances(
  db: Executor,
  organizationId: string,
  at: Date,
): Promise<readonly { readonly id: string; readonly period: 'day' | 'month' }[]> {
  const { rows } = await sql<{ id: string; period: 'day' | 'month' }>`
    select id, period from quota
     where organization_id = ${organizationId} and period in ('day', 'month') and not is_grant
       and starts_at <= ${at} and ends_at > ${at}`.execute(db)
  return rows
}

/** Moves a balance to another interval, unless that one has a balance already. */
export async function moveBalance(
  tx: Executor,
  id: string,
  { startsAt, endsAt }: { readonly startsAt: Date; readonly endsAt: Date },
): Promise<void> {
  await sql`
    update quota set starts_at = ${startsAt}, ends_at = ${endsAt}, updated_at = clock_timestamp()
     where id = ${id} and not exists (
           select from quota other
            where (other.organization_id, other.metric, other.period) = (quota.organization_id, quota.metric, quota.period)
              and other.starts_at = ${startsAt} and not other.is_grant and other.id <> quota.id)`.execute(tx)
}
