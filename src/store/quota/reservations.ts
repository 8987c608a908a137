import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import type { QuotaMoment } from './balances.ts'
import { type Debit, type DebitRequest, type QuotaAmount, QuotaDebits, type QuotaShortage } from './debits.ts'
import { readLockedQuota } from './locked-quota.ts'
import type { Metric } from './tables.ts'

/**
 * Debits amounts from every period of their metrics, all of them or none, and records which thresholds that crossed: see `QuotaDebits`.
 * Requires `openQuotaPeriods` before it in the same transaction.
 */
export async function debitQuota(tx: Executor, moment: QuotaMoment, request: DebitRequest): Promise<Debit> {
  if (request.key != null && (await isRecorded(tx, moment.organizationId, request.key)))
    return { kind: 'debited', statuses: [] }
  const debits = new QuotaDebits(moment, await readLockedQuota(tx, moment.organizationId, moment.at))
  const debit = debits.debit(request)
  if (debit.kind === 'debited') await writeDebits(tx, debits)
  return debit
}

/** Writes debits, by a statement of their own. */
export async function writeDebits(tx: Executor, debits: QuotaDebits): Promise<void> {
  await sql`with ${debits.write()} select`.execute(tx)
}

/** Whether usage with this key is in the ledger. */
async function isRecorded(tx: Executor, organizationId: string, key: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (select from quota_entry where organization_id = ${organizationId} and key = ${key}) as found`.execute(
    tx,
  )
  return rows[0]?.found ?? false
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
