import { sql } from 'kysely'
import { pruneAttempts } from './account/connection-attempts.ts'
import type { Executor } from './database.ts'
import { pruneDeliveries } from './webhook/deliveries.ts'

/** Deletes expired idempotency keys, connection attempts and webhook deliveries. */
export async function prune(db: Executor): Promise<void> {
  await sql`delete from idempotency_key where expires_at < now() - interval '1 hour'`.execute(db)
  await pruneAttempts(db)
  await pruneDeliveries(db)
}
