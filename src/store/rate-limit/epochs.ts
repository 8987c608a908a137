import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** Where the limits are kept when Redis is used: see `src/rate-limit/redis/epoch.ts`. Times are the database's, in epoch milliseconds. */
export interface EpochRecord {
  readonly epoch: number
  /** The run id of the Redis server that keeps them; null: each process keeps its share in memory. */
  readonly server: string | null
  readonly reason: string
  readonly sinceMs: number
  readonly ageMs: number
  readonly shares: number
  /** This process's share, from 0; null: none. */
  readonly share: number | null
}

/** Records that a process is alive and which Redis server it reaches, and returns the current epoch. */
export async function recordHeartbeat(
  db: Executor,
  processId: string,
  reachedServer: string | null,
  leaseMs: number,
): Promise<EpochRecord> {
  const { rows } = await sql<EpochRecord>`
    select epoch, server, reason, since_ms as "sinceMs", age_ms as "ageMs", share_count as shares, share
      from rate_limit_heartbeat(${processId}::uuid, ${reachedServer}, ${leaseMs} * interval '1 millisecond')`.execute(
    db,
  )
  const [record] = rows
  if (!record) throw new Error('the database returned no epoch of the rate limits')
  return record
}

/** Removes a process that has stopped, so that an epoch no longer needs its agreement. */
export async function removeLimitProcess(db: Executor, processId: string): Promise<void> {
  await sql`delete from rate_limit_process where id = ${processId}::uuid`.execute(db)
}
