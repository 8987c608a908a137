import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/**
 * Frees stored bytes: lowers what the balances in force have used, and then those that have ended, by an amount in each period. The same
 * key frees once. Returns whether anything was freed. Requires `lockQuota`.
 */
export async function freeStorage(
  tx: Executor,
  organizationId: string,
  { amount, key, at }: { readonly amount: number; readonly key: string; readonly at: Date },
): Promise<boolean> {
  const { rows } = await sql<{ freed: number }>`
    with used as (
      select id, metric, period, used, allowance - reserved - used as balance,
             sum(used) over (partition by period order by coalesce(ends_at <= ${at}, false), is_grant, ends_at desc nulls first, id)
               - used as before
        from quota
       where organization_id = ${organizationId} and metric = 'storageBytes' and used > 0
         and not exists (select from quota_entry where organization_id = ${organizationId} and key = ${key})
    ), portion as (
      select *, least(used, ${amount}::bigint - before)::bigint as amount from used where before < ${amount}::bigint
    ), entered as (
      insert into quota_entry (organization_id, metric, period, quota_id, kind, amount, balance, key, counted_at)
      select ${organizationId}, metric, period, id, 'free', amount, balance + amount, ${key}, ${at} from portion
      returning quota_id, amount
    ), updated as (
      update quota set used = quota.used - entered.amount, updated_at = clock_timestamp()
        from entered where quota.id = entered.quota_id
      returning entered.amount
    )
    select count(*)::int as freed from updated`.execute(tx)
  return (rows[0]?.freed ?? 0) > 0
}
