import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** Who keeps the limits where a Redis does: `src/rate-limit/redis/epoch.ts`. Times are the database's, in epoch milliseconds. */
export interface EraRecord {
  readonly era: number
  /** The run id of the Redis server that keeps them; null: the processes, each in its memory. */
  readonly server: string | null
  readonly reason: string
  readonly sinceMs: number
  readonly ageMs: number
  readonly shares: number
  /** Which share is this process's, from 0; null: none. */
  readonly share: number | null
}

/** Tells that a process is there and which Redis server it reaches, and answers which era it is. */
export async function beatLimits(
  db: Executor,
  processId: string,
  reaches: string | null,
  leaseMs: number,
): Promise<EraRecord> {
  const { rows } = await sql<EraRecord>`
    select era, server, reason, since_ms as "sinceMs", age_ms as "ageMs", shares, share
      from beat_limits(${processId}::uuid, ${reaches}, ${leaseMs} * interval '1 millisecond')`.execute(db)
  const [era] = rows
  if (!era) throw new Error('the database answered no era')
  return era
}

/** Forgets a process that has stopped: nobody waits for it to agree on a server. */
export async function leaveLimits(db: Executor, processId: string): Promise<void> {
  await sql`delete from rate_process where id = ${processId}::uuid`.execute(db)
}
