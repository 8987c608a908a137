import { sql } from 'kysely'
import type { Connection, Tx } from './database.ts'

/** The ASCII codes of "reel": an arbitrary number that no other program is likely to lock in the same database. */
const lockKey = 0x7265656c

/**
 * Runs work while no other process installs, upgrades or seeds this database. Every write of a start happens under this lock: two
 * processes that change the same catalogue row fail with "tuple concurrently updated".
 */
export async function withInstallLock<Result>(
  owner: Connection,
  work: () => Promise<Result>,
): Promise<Result> {
  const client = await owner.pool.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [lockKey])
    return await work()
  } finally {
    // Closing the connection releases the lock, whatever state the connection is in.
    client.release(true)
  }
}

/** Acquires the same lock until the transaction ends. */
export async function lockInstallation(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${lockKey})`.execute(tx)
}
