import { sql } from 'kysely'
import type { TestDatabase } from '../../support/database.ts'

/** The clock of a database, which a test puts forward. */
export interface VirtualClock {
  /** How far it has been put forward, in milliseconds. */
  offsetMs(): number
  /** Epoch milliseconds. */
  now(): number
  advance(milliseconds: number): Promise<void>
}

/**
 * Gives a database a clock of its own: whoever connects to it from now on is told its time by `now()` and
 * `clock_timestamp()`. So whatever is judged by the database's clock (tokens, timers, leases, the age of a signature) lives
 * in the test's time without knowing it.
 */
export async function createVirtualClock({ owner }: TestDatabase): Promise<VirtualClock> {
  for (const statement of statements) await sql.raw(statement).execute(owner.db)
  let ahead = 0
  return {
    offsetMs: () => ahead,
    now: () => Date.now() + ahead,
    async advance(milliseconds) {
      ahead += Math.ceil(milliseconds)
      await sql`update test_clock.ahead set by = make_interval(secs => ${ahead / 1_000})`.execute(owner.db)
    },
  }
}

// A function is looked up in pg_catalog first unless the search path says otherwise, which is set at each login.
const statements = [
  'create schema test_clock',
  'create table test_clock.ahead (by interval not null)',
  "insert into test_clock.ahead values ('0')",
  `create function test_clock.clock_timestamp() returns timestamptz volatile language sql
     as 'select pg_catalog.clock_timestamp() + by from test_clock.ahead'`,
  `create function test_clock.now() returns timestamptz stable language sql
     as 'select pg_catalog.now() + by from test_clock.ahead'`,
  'grant usage on schema test_clock to public',
  'grant select on test_clock.ahead to public',
  `create function test_clock.enter() returns event_trigger language plpgsql as $$
   begin perform set_config('search_path', 'reelpilot, test_clock, pg_catalog, pg_temp', false); end $$`,
  'create event trigger enter on login execute function test_clock.enter()',
]
