import { sql } from 'kysely'
import type { Connection, Tx } from './database.ts'

/** The ASCII letters of "reel": any number that no other program locks in a database that it shares with us. */
const lockKey = 0x7265656c

/**
 * Runs the work while no other process installs, upgrades or seeds this database. Everything that a start writes is
 * written under this lock: two processes that change the same catalogue row fail with "tuple concurrently updated".
 */
export async function underInstallLock<Result>(
  owner: Connection,
  work: () => Promise<Result>,
): Promise<Result> {
  const client = await owner.pool.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [lockKey])
    return await work()
  } finally {
    // Closing the connection gives the lock back whatever state the connection is in.
    client.release(true)
  }
}

/** Takes the same lock until the transaction ends. */
export async function lockInstallation(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${lockKey})`.execute(tx)
}
