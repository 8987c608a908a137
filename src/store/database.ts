import type { Socket } from 'node:net'
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import pg from 'pg'
import { readDatabaseUrl } from './database-url.ts'
import { proveRole } from './role-proof.ts'
import { createMortalSocket, longestSilenceMs } from './silence.ts'
import type { Database } from './tables.ts'
import { createTurnstile, type Turnstile } from './turnstile.ts'

export type Db = Kysely<Database>
export type Tx = Transaction<Database>
/** Anything that statements can be run on. */
export type Executor = Kysely<Database>

/** Our tables and functions live in a schema of their own, beside whatever else the database holds. */
export const schemaName = 'reelpilot'

/** Who a connection works as: the owner migrates, the API sees one organization at a time, the runtime moves jobs. */
export type Role = 'owner' | 'reelpilot_api' | 'reelpilot_runtime'

export interface Connection {
  readonly db: Db
  readonly pool: pg.Pool
  close(): Promise<void>
}

// bigint: revisions, sequences, bytes and epochs stay far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/** For how long an API transaction waits for a row that another holds: it keeps a connection from others meanwhile. */
const lockTimeoutMs = 8_000
/** For how long a request waits for its organization's turn, which takes nothing from anybody. */
const turnPatienceMs = 20_000

/** What the server gives up, when a process of ours is gone without a word: locks that it holds must not outlive it for hours. */
const abandoned =
  '-c idle_in_transaction_session_timeout=15s -c tcp_user_timeout=15s ' +
  '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2'

/**
 * Options that make a connection work as a role from its first statement on. What the URL says of the session comes before
 * ours: of two values for one setting Postgres takes the later.
 */
export function connectionOptions(url: string, role: Role, applicationName: string): ConnectionOptions {
  const given = readDatabaseUrl(url)
  const settings = [given.options, `-c search_path=${schemaName},pg_temp`]
  // Without an organization nothing is visible, whatever the URL would set for the session.
  if (role !== 'owner')
    settings.push(`-c role=${role}`, '-c row_security=on', '-c app.organization_id=', abandoned)
  // Who waits longer for a row is told to come again: its connection is wanted by others.
  if (role === 'reelpilot_api') settings.push(`-c lock_timeout=${lockTimeoutMs}ms`)
  return {
    connectionString: given.connectionString,
    options: settings.join(' ').trim(),
    application_name: given.applicationName
      ? `${applicationName} (${given.applicationName})`
      : applicationName,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    connectionTimeoutMillis: 10_000,
    // Migrations may take long and say nothing.
    ...(role !== 'owner' && { stream: () => createMortalSocket(longestSilenceMs) }),
    onConnect: async (client) => {
      if (role !== 'owner') await proveRole(client, role, schemaName)
    },
  }
}

/** For a pool. A client that is opened without one calls `onConnect` itself. */
export interface ConnectionOptions {
  readonly connectionString: string
  readonly options: string
  readonly application_name: string
  readonly keepAlive: boolean
  readonly keepAliveInitialDelayMillis: number
  readonly stream?: () => Socket
  readonly connectionTimeoutMillis: number
  readonly onConnect: (client: pg.ClientBase) => Promise<void>
}

/** A pool under one role, which each of its connections proves when it is opened. Broken connections go to `onError`, and are replaced by themselves. */
export function connect(
  url: string,
  role: Role,
  options: { readonly max: number; readonly name: string; readonly onError: (error: Error) => void },
): Connection {
  const pool = new pg.Pool({ ...connectionOptions(url, role, options.name), max: options.max })
  pool.on('error', options.onError)
  // The pool hears idle connections only; one that breaks while it is lent out would end the process.
  pool.on('connect', (client) => client.on('error', options.onError))
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  // Half of the connections at most for one organization.
  if (role === 'reelpilot_api')
    turnstiles.set(db, createTurnstile({ most: Math.ceil(options.max / 2), patienceMs: turnPatienceMs }))
  return { db, pool, close: () => db.destroy() }
}

const turnstiles = new WeakMap<Db, Turnstile>()

/**
 * One transaction that acts for one organization. Row-level security shows it nothing else, and the setting ends
 * with the transaction: a pooled connection never carries it to the next borrower. On a connection of the API, an organization
 * has no more than half of the pool; throws `Unavailable` for what waits too long for its turn.
 */
export function inOrganization<Result>(
  db: Db,
  organizationId: string,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  const run = () => transactFor(db, organizationId, work)
  return turnstiles.get(db)?.pass(organizationId, run) ?? run()
}

function transactFor<Result>(
  db: Db,
  organizationId: string,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  return db.transaction().execute(async (tx) => {
    await sql`select set_config('app.organization_id', ${organizationId}, true)`.execute(tx)
    return await work(tx)
  })
}
