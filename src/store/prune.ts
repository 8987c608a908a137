import { type RawBuilder, sql } from 'kysely'
import { pruneAttempts } from './account/connection-attempts.ts'
import type { Executor } from './database.ts'

/** Rows deleted in one transaction: it locks them, and its commit takes milliseconds. */
const batchSize = 1_000

/**
 * Deletes what nobody needs any more, in small batches: idempotency keys an hour after they expired, expired connection attempts,
 * webhook deliveries 30 days after they were handled or failed (TikTok repeats one for 72 hours at most), and scans with their decisions
 * after `scanDays`.
 */
export async function prune(db: Executor, { scanDays = 90 } = {}): Promise<void> {
  await pruneAttempts(db)
  await deleteInBatches(
    db,
    sql`delete from idempotency_key where (organization_id, key) in (
          select organization_id, key from idempotency_key where expires_at < now() - interval '1 hour' limit ${batchSize})`,
  )
  await deleteInBatches(
    db,
    sql`delete from webhook_delivery where key in (
          select key from webhook_delivery where coalesce(handled_at, failed_at) < now() - interval '30 days' limit ${batchSize})`,
  )
  const old = sql`scan.created_at < now() - make_interval(days => ${scanDays})`
  await deleteInBatches(
    db,
    sql`delete from scan_decision where (scan_id, slot_id) in (
          select scan_decision.scan_id, scan_decision.slot_id from scan join scan_decision on scan_decision.scan_id = scan.id
           where ${old} limit ${batchSize})`,
  )
  await deleteInBatches(
    db,
    sql`delete from scan where id in (
          select id from scan where ${old} and not exists (select from scan_decision where scan_id = scan.id) limit ${batchSize})`,
  )
}

async function deleteInBatches(db: Executor, statement: RawBuilder<unknown>): Promise<void> {
  for (;;) {
    const { numAffectedRows = 0n } = await statement.execute(db)
    if (numAffectedRows < batchSize) return
  }
}
