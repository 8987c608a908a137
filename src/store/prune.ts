import { sql } from 'kysely'
import { pruneAttempts } from './account/connection-attempts.ts'
import type { Executor } from './database.ts'
import { pruneDeliveries } from './webhook/deliveries.ts'

/** Deletes what has served its time: idempotency keys, ways to the authorize page, webhooks that were taken in. */
export async function prune(db: Executor): Promise<void> {
  await sql`delete from idempotency_key where expires_at < now() - interval '1 hour'`.execute(db)
  await pruneAttempts(db)
  await pruneDeliveries(db)
}
