import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import type { Metric, QuotaPeriod } from './tables.ts'

/** An inconsistency of the ledger. */
export interface QuotaFinding {
  readonly code:
    | 'BALANCE_MISMATCH'
    | 'SUM_MISMATCH'
    | 'SETTLEMENT_MISMATCH'
    | 'UNSETTLED_RESERVATION'
    | 'MISSING_RESERVATION'
    | 'STORAGE_MISMATCH'
  readonly message: string
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly startsAt: Date | null
  readonly jobId: string | null
  readonly expected: number
  readonly found: number
}

/**
 * Audits an organization's ledger: the conservation law of every balance, each balance against its entries, each settlement against
 * its reservation, reservations against jobs, and stored bytes against media. One statement, so it sees one snapshot. Returns nothing
 * if the ledger is consistent. Reads every entry.
 */
export async function auditQuota(db: Executor, organizationId: string): Promise<readonly QuotaFinding[]> {
  const { rows } = await sql<QuotaFinding>`
    with entry as (
      select * from quota_entry where organization_id = ${organizationId}
    ), total as (
      select quota.id,
             coalesce(sum(entry.amount) filter (where kind in ('grant', 'limit', 'adjust')), 0) as allowance,
             coalesce(sum(case kind when 'reserve' then entry.amount when 'commit' then -entry.amount
                                    when 'release' then -entry.amount else 0 end), 0) as reserved,
             coalesce(sum(entry.amount) filter (
               where kind in ('commit', 'use') and coalesce(counted_at > window_start, true)), 0)
               - coalesce(sum(entry.amount) filter (where kind = 'free'), 0) as used
        from quota left join entry on entry.quota_id = quota.id
       where quota.organization_id = ${organizationId} group by quota.id
    ), balance as (
      select quota.*, total.allowance as granted_by_entries, total.reserved as reserved_by_entries,
             total.used as used_by_entries
        from quota join total using (id)
    ), reservation as (
      select entry.*, job.tag, settled.id as settled_by, settled.amount as settled_amount,
             settled.quota_id is distinct from entry.quota_id or settled.job_id is distinct from entry.job_id as is_foreign
        from entry
        left join entry settled on settled.reservation_id = entry.id
        left join machine_instance job on job.id = entry.job_id
       where entry.kind = 'reserve'
    ), finding as (
      select 'BALANCE_MISMATCH' as code, 'granted is not the sum of available, reserved and used' as message, metric, period,
             starts_at, null::uuid as job_id, granted as expected, available + reserved + used as found
        from balance
       where granted <> available + reserved + used
          or (is_hard and reserved + used > allowance and metric not in ('storageBytes', 'providerSpend'))
      union all
      select 'SUM_MISMATCH', 'the ' || what || ' amount is not the sum of its entries', metric, period, starts_at, null,
             by_entries::bigint, by_row
        from balance cross join lateral (values
          ('allowance', granted_by_entries, allowance), ('reserved', reserved_by_entries, reserved),
          ('used', used_by_entries, used)) as amounts (what, by_entries, by_row)
       where by_entries <> by_row
      union all
      select 'SETTLEMENT_MISMATCH', 'a reservation was settled with another amount, or in another balance', metric, period, null,
             job_id, amount, settled_amount
        from reservation where settled_by is not null and (settled_amount <> amount or is_foreign)
      union all
      select 'UNSETTLED_RESERVATION', 'the job has ended and its reservation is not settled', metric, period, null, job_id, 0, amount
        from reservation
       where settled_by is null and tag in ('settled', 'final')
      union all
      select 'MISSING_RESERVATION', 'the job is unfinished and has no reservation', 'videos', 'total', null, job.id, 1, 0
        from machine_instance job
       where job.organization_id = ${organizationId} and job.machine = 'job' and job.tag <> 'final'
         and job.context->'reserved' = 'true'
         and not exists (select from reservation where reservation.job_id = job.id)
      union all
      select 'STORAGE_MISMATCH', 'the bytes in use are not the bytes of the stored files', 'storageBytes', 'total',
             null, null, kept.bytes, coalesce((select sum(used) from balance
                                                where metric = 'storageBytes' and period = 'total'), 0)::bigint
        from (select coalesce(sum(bytes + preview_bytes), 0)::bigint as bytes from media where organization_id = ${organizationId}) kept
       where kept.bytes <> coalesce((select sum(used) from balance where metric = 'storageBytes' and period = 'total'), 0)
    )
    select code, message, metric, period, starts_at as "startsAt", job_id as "jobId", expected, found
      from finding order by metric, period, starts_at, job_id, code`.execute(db)
  return rows
}
