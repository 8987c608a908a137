import { type RawBuilder, sql } from 'kysely'
import type { Executor } from './database.ts'

/** Epoch milliseconds of the database's clock, as a column. */
export const databaseNow: RawBuilder<number> = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::float8`

/** The database's time in epoch milliseconds: what every decision is stamped with. */
export async function readDatabaseTime(db: Executor): Promise<number> {
  const { rows } = await sql<{ now: number }>`select ${databaseNow} as now`.execute(db)
  return Math.floor(rows[0]?.now ?? Number.NaN)
}
