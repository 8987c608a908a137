import { sql } from 'kysely'
import type { TestDatabase } from '../../support/database.ts'

/** A database's clock, which a test advances. */
export interface VirtualClock {
  /** How far the clock is ahead of real time. */
  offsetMs(): number
  /** Epoch milliseconds. */
  now(): number
  advance(milliseconds: number): Promise<void>
}

/**
 * Gives a database a virtual clock: `now()` and `clock_timestamp()` of every later connection answer the virtual time.
 * Everything that reads the database's clock (tokens, timers, leases, the age of a signature) then follows the test's time.
 */
export async function createVirtualClock({ owner }: TestDatabase): Promise<VirtualClock> {
  for (const statement of statements) await sql.raw(statement).execute(owner.db)
  let offsetMs = 0
  return {
    offsetMs: () => offsetMs,
    now: () => Date.now() + offsetMs,
    async advance(milliseconds) {
      offsetMs += Math.ceil(milliseconds)
      await sql`update virtual_clock.shift set by = make_interval(secs => ${offsetMs / 1_000})`.execute(
        owner.db,
      )
    },
  }
}

// Postgres looks functions up in pg_catalog first unless the search path names it later; the trigger sets the path at login.
const statements = [
  'create schema virtual_clock',
  'create table virtual_clock.shift (by interval not null)',
  "insert into virtual_clock.shift values ('0')",
  `create function virtual_clock.clock_timestamp() returns timestamptz volatile language sql
     as 'select pg_catalog.clock_timestamp() + by from virtual_clock.shift'`,
  `create function virtual_clock.now() returns timestamptz stable language sql
     as 'select pg_catalog.now() + by from virtual_clock.shift'`,
  'grant usage on schema virtual_clock to public',
  'grant select on virtual_clock.shift to public',
  `create function virtual_clock.set_search_path() returns event_trigger language plpgsql as $$
   begin perform set_config('search_path', 'reelpilot, virtual_clock, pg_catalog, pg_temp', false); end $$`,
  'create event trigger set_search_path on login execute function virtual_clock.set_search_path()',
]
