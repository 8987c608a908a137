import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Executor } from '../database.ts'
import type { Metric, QuotaPeriod } from '../tables.ts'

/** Of these nothing can be used before some of it was granted or limited; everything else is unlimited until then. */
export const grantedFirst: readonly Metric[] = ['videos', 'seconds']

export interface QuotaLimit {
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly amount: number
  readonly isHard: boolean
  /** Of a sliding window only. */
  readonly windowSeconds: number | null
}

/** Now, as an organization counts it: which day and which month it is there. */
export interface QuotaMoment {
  readonly organizationId: string
  readonly at: Date
  readonly day: { readonly startsAt: Date; readonly endsAt: Date }
  readonly month: { readonly startsAt: Date; readonly endsAt: Date }
}

/** How an organization counts. */
export interface QuotaCalendar {
  /** The zone whose midnights its days and months begin at. */
  readonly timeZone: string
  /** Whether anything of it is limited by a sliding window. */
  readonly hasWindows: boolean
}

const calendar = sql`
  select time_zone as "timeZone",
         exists (select from quota_limit where organization_id = organization.id and period = 'rolling') as "hasWindows"
    from organization`

export async function readCalendar(db: Executor, organizationId: string): Promise<QuotaCalendar> {
  const { rows } = await sql<QuotaCalendar>`${calendar} where id = ${organizationId}`.execute(db)
  return onlyOne(rows, organizationId)
}

/**
 * Makes an organization's quota the transaction's own until it ends: everybody who writes it does this first. Pots come into
 * being all the time, and whoever locked them one by one could not know which there are; whatever is read from here on is as
 * the last writer left it.
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

/** The pots that count at a moment: those of the periods that it lies in, and the grants that are valid. */
export function countsAt({ at, day, month }: QuotaMoment): RawBuilder<SqlBool> {
  return sql<SqlBool>`case
    when quota.is_grant then coalesce(quota.starts_at <= ${at}, true) and coalesce(quota.ends_at > ${at}, true)
    when quota.period = 'day' then quota.starts_at = ${day.startsAt}
    when quota.period = 'month' then quota.starts_at = ${month.startsAt}
    else true end`
}

/** A period is in force while it is limited; all time also by what was granted, and to count what nobody has limited. */
export const isInForce: RawBuilder<SqlBool> = sql<SqlBool>`(quota.period = 'total' or exists (
  select from quota_limit
   where (quota_limit.organization_id, quota_limit.metric, quota_limit.period)
       = (quota.organization_id, quota.metric, quota.period)))`

/**
 * Opens the pots that a moment needs and nobody has opened yet: of every limited period, and of what nobody has limited,
 * which is counted all the same. Under `lockQuota`.
 */
export async function openPots(tx: Executor, moment: QuotaMoment, metrics: readonly Metric[]): Promise<void> {
  const { organizationId, at, day, month } = moment
  const unlimited = metrics.filter((metric) => !grantedFirst.includes(metric))
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

/** Lets what is older than its span leave the sliding windows. */
export async function slideWindows(tx: Executor, { organizationId, at }: QuotaMoment): Promise<void> {
  await sql`
    update quota
       set window_from = span.starts_at, updated_at = clock_timestamp(),
           used = (select coalesce(sum(amount), 0)::bigint from quota_entry
                    where quota_id = quota.id and kind in ('commit', 'use') and counted_at > span.starts_at)
      from (select metric, ${at}::timestamptz - make_interval(secs => span_seconds) as starts_at from quota_limit
             where organization_id = ${organizationId} and period = 'rolling') as span
     where quota.organization_id = ${organizationId} and quota.period = 'rolling' and not is_grant
       and span.metric = quota.metric`.execute(tx)
}

/** The present pots of days and months, and their periods: their ends move with the organization's zone. */
export async function listCalendarPots(
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

/** Moves a pot to another stretch of time, unless there is one for it already. */
export async function movePot(
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
