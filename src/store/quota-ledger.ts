import { sql } from 'kysely'
import type { Executor } from './database.ts'
import type { Metric } from './tables.ts'

export interface QuotaAmount {
  readonly metric: Metric
  readonly amount: number
}

/**
 * Sets amounts aside for a job, all of them or none, on the sums and atomically: the first metric that is short is
 * answered. Asked again for the same job, it changes nothing. Runs in the caller's transaction.
 */
export async function reserveQuota(
  tx: Executor,
  organizationId: string,
  jobId: string,
  amounts: readonly QuotaAmount[],
): Promise<
  | { readonly kind: 'reserved' }
  | { readonly kind: 'short'; readonly metric: Metric; readonly available: number }
> {
  // The rows are locked in one order, so that two reservations wait for each other instead of dead-locking.
  const { rows } = await sql<{ metric: Metric; available: number }>`
    select metric, available from quota where organization_id = ${organizationId} order by metric for update`.execute(
    tx,
  )
  const { rows: made } = await sql<{ metric: Metric }>`
    select metric from quota_entry where job_id = ${jobId} and kind = 'reserve'`.execute(tx)
  const missing = amounts.filter(({ metric }) => !made.some((entry) => entry.metric === metric))
  for (const { metric, amount } of missing) {
    const available = rows.find((row) => row.metric === metric)?.available ?? 0
    if (available < amount) return { kind: 'short', metric, available }
  }
  for (const { metric, amount } of missing) {
    await sql`
      update quota set reserved = reserved + ${amount}, updated_at = now()
       where organization_id = ${organizationId} and metric = ${metric}`.execute(tx)
    await sql`
      insert into quota_entry (organization_id, metric, kind, amount, job_id)
      values (${organizationId}, ${metric}, 'reserve', ${amount}, ${jobId})`.execute(tx)
  }
  return { kind: 'reserved' }
}

/** Turns what a job reserved into used (`commit`) or gives it back (`release`); once, whatever is repeated. */
export async function settleQuota(tx: Executor, jobId: string, kind: 'commit' | 'release'): Promise<void> {
  await sql`
    with settled as (
      insert into quota_entry (organization_id, metric, kind, amount, job_id)
      select organization_id, metric, ${kind}, amount, job_id
        from quota_entry where job_id = ${jobId} and kind = 'reserve'
      on conflict do nothing
      returning organization_id, metric, amount
    )
    update quota
       set reserved = reserved - settled.amount, updated_at = now(),
           used = used + case when ${kind} = 'commit' then settled.amount else 0 end
      from settled
     where quota.organization_id = settled.organization_id and quota.metric = settled.metric`.execute(tx)
}

/** Adds to what an organization may use. */
export async function grantQuota(
  tx: Executor,
  organizationId: string,
  { metric, amount }: QuotaAmount,
  reason: string | null,
): Promise<void> {
  await sql`
    insert into quota (organization_id, metric, granted) values (${organizationId}, ${metric}, ${amount})
    on conflict (organization_id, metric) do update set granted = quota.granted + excluded.granted, updated_at = now()`.execute(
    tx,
  )
  await sql`
    insert into quota_entry (organization_id, metric, kind, amount, reason)
    values (${organizationId}, ${metric}, 'grant', ${amount}, ${reason})`.execute(tx)
}
