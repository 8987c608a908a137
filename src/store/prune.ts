import { type RawBuilder, sql } from 'kysely'
import { pruneAttempts } from './account/connection-attempts.ts'
import type { Db } from './database.ts'
import { pruneEvents } from './event/prune-events.ts'
import { pruneLimits } from './rate-limit/prune-limits.ts'

/** How many days things are kept. */
export interface Retention {
  /** Scans, with their decisions. */
  readonly scanDays: number
  readonly eventDays: number
  /** Videos of jobs, after the last one that has it ended. Null: for good. */
  readonly mediaDays: number | null
}

export const defaultRetention: Retention = { scanDays: 90, eventDays: 365, mediaDays: null }

/** Rows deleted in one transaction: it locks them, and its commit takes milliseconds. */
const batchSize = 1_000

/**
 * Deletes what nobody needs any more, in small batches: idempotency keys an hour after they expired, expired connection attempts,
 * webhook deliveries 30 days after they were handled or failed (TikTok repeats one for 72 hours at most), limits that nobody has used
 * for 30 days, records of clips that were rendered a day ago, and scans and events when they are old.
 */
export async function prune(db: Db, { scanDays, eventDays } = defaultRetention): Promise<void> {
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
  // The clips themselves are removed once their videos are stored.
  await deleteInBatches(
    db,
    sql`delete from clip_render where (organization_id, clip_key) in (
          select organization_id, clip_key from clip_render where renewed_at < now() - interval '1 day' limit ${batchSize})`,
  )
  await pruneLimits(db, batchSize)
  await pruneEvents(db, eventDays, batchSize)
}

async function deleteInBatches(db: Db, statement: RawBuilder<unknown>): Promise<void> {
  for (;;) {
    const { numAffectedRows = 0n } = await statement.execute(db)
    if (numAffectedRows < batchSize) return
  }
}
