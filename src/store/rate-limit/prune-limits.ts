import { sql } from 'kysely'
import type { Db } from '../database.ts'

/** Longer than the fullest bucket with the slowest refill needs to be full again: the next request creates it as a full one. */
const idleDays = 30
/** SQLSTATE of a lock that was not acquired in time. */
const lockNotAvailable = '55P03'

/**
 * Deletes windows whose calls have all left them, and buckets that are full, once nobody has used them for a month. Whoever reserves
 * creates a row and locks it later in the same transaction, so that none may be deleted in between: the tables are locked against all
 * but readers, for milliseconds. While somebody holds a row for longer, nothing is deleted; it is tried again an hour later.
 */
export async function pruneLimits(db: Db, batchSize: number): Promise<void> {
  try {
    while (await pruneBatch(db, batchSize));
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== lockNotAvailable) throw error
  }
}

async function pruneBatch(db: Db, batchSize: number): Promise<boolean> {
  return await db.transaction().execute(async (tx) => {
    await sql`set local lock_timeout = '50ms'`.execute(tx)
    await sql`lock table rate_window, rate_bucket in exclusive mode`.execute(tx)
    const { rows } = await sql<{ isFull: boolean }>`
      with now as (
        select (extract(epoch from now() - make_interval(days => ${idleDays})) * 1000)::bigint as idle_since
      ), windows as (
        delete from rate_window where id in (
          select id from rate_window, now
           where queue_length = 0
             and coalesce(reservations[cardinality(reservations) - 1], 0) + window_ms + margin_ms < idle_since
           limit ${batchSize})
        returning 1
      ), buckets as (
        delete from rate_bucket where id in (
          select id from rate_bucket, now where at < idle_since limit ${batchSize})
        returning 1
      )
      select (select count(*) from windows) = ${batchSize} or (select count(*) from buckets) = ${batchSize} as "isFull"`.execute(
      tx,
    )
    return rows[0]?.isFull ?? false
  })
}
