import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { keyset, type Page, type Positioned } from '../paging.ts'
import { countsAt, type QuotaMoment } from './balances.ts'
import type { Metric, QuotaEntryKind, QuotaPeriod } from './tables.ts'

/** A grant with a balance of its own (see `grantQuota`) that has not ended. */
export interface QuotaGrantRecord {
  readonly amount: number
  readonly available: number
  readonly reserved: number
  readonly used: number
  readonly validFrom: Date | null
  readonly validUntil: Date | null
  /** Whether it counts now. */
  readonly isValid: boolean
}

/** The status of a metric in a period. Invariant: granted = available + reserved + used. */
export interface QuotaRecord {
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly windowSeconds: number | null
  readonly limit: number | null
  readonly enforcement: 'HARD' | 'SOFT' | 'NONE'
  readonly startsAt: Date | null
  /** The end of the period; for a sliding window, when the oldest entry leaves it. */
  readonly resetsAt: Date | null
  readonly granted: number
  readonly available: number
  readonly reserved: number
  readonly used: number
  readonly grants: readonly QuotaGrantRecord[]
  readonly updatedAt: Date
}

interface QuotaRow extends Omit<QuotaRecord, 'enforcement' | 'granted' | 'available' | 'grants'> {
  readonly allowance: number
  readonly isHard: boolean
  readonly grants: readonly (Omit<QuotaGrantRecord, 'validFrom' | 'validUntil'> & {
    readonly validFrom: string | null
    readonly validUntil: string | null
  })[]
}

/**
 * Lists every metric and period that is limited, granted or counted, at an instant: the current balance and the grants. A period
 * without a balance yet is returned as its limit would open it; a sliding window does not contain what has left it.
 */
export async function listQuotas(db: Executor, moment: QuotaMoment): Promise<readonly QuotaRecord[]> {
  const { organizationId, at, day, month } = moment
  const { rows } = await sql<QuotaRow>`
    with rule as (
      select metric, period, amount, is_hard, span_seconds, updated_at from quota_limit
       where organization_id = ${organizationId}
      union all
      select distinct metric, 'total', null::bigint, null::boolean, null::int, null::timestamptz from quota
       where organization_id = ${organizationId} and period = 'total' and not exists (
             select from quota_limit where organization_id = ${organizationId} and period = 'total'
                and quota_limit.metric = quota.metric)
    )
    select rule.metric, rule.period, rule.span_seconds as "windowSeconds", rule.amount as "limit",
           coalesce(rule.is_hard, balance.is_hard, true) as "isHard",
           coalesce(balance.allowance, rule.amount, 0) as allowance, coalesce(balance.reserved, 0) as reserved,
           coalesce(window_usage.used, balance.used, 0) as used,
           case rule.period when 'day' then ${day.startsAt}::timestamptz when 'month' then ${month.startsAt} end as "startsAt",
           case rule.period when 'day' then ${day.endsAt}::timestamptz when 'month' then ${month.endsAt}
                            else window_usage.leaves_at end as "resetsAt",
           coalesce(granted.grants, '[]') as grants,
           greatest(rule.updated_at, balance.updated_at, granted.updated_at) as "updatedAt"
      from rule
      left join quota balance on balance.organization_id = ${organizationId} and balance.metric = rule.metric
       and balance.period = rule.period and not balance.is_grant
       and case balance.period when 'day' then balance.starts_at = ${day.startsAt}
                               when 'month' then balance.starts_at = ${month.startsAt} else true end
      left join lateral (
        select coalesce(sum(amount), 0)::bigint as used, min(counted_at) + make_interval(secs => rule.span_seconds) as leaves_at
          from quota_entry where quota_id = balance.id and kind in ('commit', 'use')
           and counted_at > ${at}::timestamptz - make_interval(secs => rule.span_seconds)
      ) window_usage on rule.period = 'rolling'
      left join lateral (
        select json_agg(json_build_object(
                 'amount', allowance, 'available', available, 'reserved', reserved, 'used', used,
                 'validFrom', starts_at, 'validUntil', ends_at, 'isValid', ${countsAt(moment)})
                 order by ends_at nulls last, starts_at nulls first) as grants, max(updated_at) as updated_at
          from quota
         where organization_id = ${organizationId} and metric = rule.metric and period = rule.period and is_grant
           and coalesce(ends_at > ${at}, true)
      ) granted on true
     order by array_position(array['videos', 'seconds', 'uploads', 'storageBytes', 'providerSpend'], rule.metric),
              array_position(array['total', 'month', 'day', 'rolling'], rule.period)`.execute(db)
  return rows.map(quotaOfRow)
}

function quotaOfRow({ allowance, isHard, ...row }: QuotaRow): QuotaRecord {
  const grants = row.grants.map((grant) => ({
    ...grant,
    validFrom: dateOf(grant.validFrom),
    validUntil: dateOf(grant.validUntil),
  }))
  const valid = grants.filter(({ isValid }) => isValid)
  const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0)
  const reserved = row.reserved + sum(valid.map((grant) => grant.reserved))
  const used = row.used + sum(valid.map((grant) => grant.used))
  const available =
    Math.max(0, allowance - row.reserved - row.used) + sum(valid.map((grant) => grant.available))
  const enforcement = isHard ? 'HARD' : row.limit === null ? 'NONE' : 'SOFT'
  return { ...row, grants, enforcement, reserved, used, available, granted: available + reserved + used }
}

const dateOf = (text: string | null) => (text === null ? null : new Date(text))

/** An entry of the ledger. */
export interface QuotaEntryRecord {
  readonly id: string
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly kind: QuotaEntryKind
  readonly amount: number
  /** What was left of the balance after this entry. */
  readonly balance: number
  readonly jobId: string | null
  readonly reason: string | null
  /** The interval of the balance: the day, the month, or the validity of the grant. */
  readonly startsAt: Date | null
  readonly endsAt: Date | null
  readonly countedAt: Date
  readonly createdAt: Date
}

/** Lists the entries of a metric in all instances of a period, the newest first. */
export async function listQuotaEntries(
  db: Executor,
  organizationId: string,
  { metric, period }: { readonly metric: Metric; readonly period: QuotaPeriod },
  page: Page,
): Promise<readonly Positioned<QuotaEntryRecord>[]> {
  const { position, within, order } = keyset('entry', 'created_at', 'desc', page)
  const { rows } = await sql<Positioned<QuotaEntryRecord>>`
    select entry.id, entry.metric, entry.period, entry.kind, entry.amount, entry.balance, entry.job_id as "jobId",
           entry.reason, quota.starts_at as "startsAt", quota.ends_at as "endsAt", entry.counted_at as "countedAt",
           entry.created_at as "createdAt", ${position} as position
      from quota_entry entry join quota on quota.id = entry.quota_id
     where entry.organization_id = ${organizationId} and entry.metric = ${metric} and entry.period = ${period}
       and ${within}
     order by ${order} limit ${page.limit}`.execute(db)
  return rows
}

/** Whether a period of a metric has a limit, to which a grant can add. */
export async function hasLimit(
  db: Executor,
  organizationId: string,
  { metric, period }: { readonly metric: Metric; readonly period: QuotaPeriod },
): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (select from quota_limit
                    where organization_id = ${organizationId} and metric = ${metric} and period = ${period}) as found`.execute(
    db,
  )
  return rows[0]?.found ?? false
}
