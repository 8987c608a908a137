import type { Socket } from 'node:net'
import { Kysely, PostgresDialect, type RawBuilder, sql, type Transaction } from 'kysely'
import pg from 'pg'
import { type ConcurrencyLimit, createConcurrencyLimit } from './concurrency-limit.ts'
import { readDatabaseUrl } from './database-url.ts'
import { prepareFrequent } from './prepared-statements.ts'
import { type Role, verifyRole } from './role.ts'
import { createSocketWithTimeout, socketTimeoutMs } from './socket-timeout.ts'
import type { Database } from './tables.ts'
import { createTenantConnections, type TenantConnections } from './tenant-connections.ts'

export type Db = Kysely<Database>
export type Tx = Transaction<Database>
/** Anything that statements can be run on. */
export type Executor = Kysely<Database>

/** The schema of our tables and functions. The database may contain others. */
export const schemaName = 'reelpilot'

export interface Connection {
  readonly db: Db
  readonly pool: pg.Pool
  close(): Promise<void>
}

// Parses bigint as a number: revisions, sequences, bytes and epochs stay far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/** How long an API transaction waits for a locked row. It occupies a connection meanwhile. */
const lockTimeoutMs = 8_000
/** How long a request waits for its organization's concurrency limit. It occupies no connection meanwhile. */
const concurrencyTimeoutMs = 20_000

/** Makes the server close a session whose client has vanished, so that its locks do not stay for hours. */
const vanishedClientSettings =
  '-c idle_in_transaction_session_timeout=15s -c tcp_user_timeout=15s ' +
  '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2'

/**
 * Options that give a connection its role before its first statement. The URL's session options come before ours: of two values for
 * one setting Postgres uses the later.
 */
export function connectionOptions(url: string, role: Role, applicationName: string): ConnectionOptions {
  const given = readDatabaseUrl(url)
  const settings = [given.options, `-c search_path=${schemaName},pg_temp`]
  // Without an organization no row is visible, whatever the URL sets for the session.
  if (role !== 'owner')
    settings.push(`-c role=${role}`, '-c row_security=on', '-c app.organization_id=', vanishedClientSettings)
  // A request that waits longer is refused with 503, because others need its connection.
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
    // Migrations may run for minutes without traffic.
    ...(role !== 'owner' && { stream: () => createSocketWithTimeout(socketTimeoutMs) }),
    onConnect: async (client) => {
      if (role !== 'owner') await verifyRole(client, role, schemaName)
    },
  }
}

/** For a pool. A client that is opened without a pool calls `onConnect` itself. */
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

/** Creates a pool for one role. Each connection verifies its role when it opens. Broken connections are reported to `onError` and replaced. */
export function connect(
  url: string,
  role: Role,
  options: { readonly max: number; readonly name: string; readonly onError: (error: Error) => void },
): Connection {
  const pool = new pg.Pool({ ...connectionOptions(url, role, options.name), max: options.max })
  pool.on('error', options.onError)
  // The pool handles errors of idle connections only; an error of a connection in use would end the process.
  pool.on('connect', (client) => client.on('error', options.onError))
  // Workers send the same few statements all the time; planning them takes longer than most take to run.
  if (role === 'reelpilot_runtime') pool.on('connect', prepareFrequent)
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  if (role !== 'reelpilot_api') return { db, pool, close: () => db.destroy() }
  const settings = connectionOptions(url, role, `${options.name} reads`)
  const readPool = new pg.Pool({
    ...settings,
    options: `${settings.options} -c default_transaction_read_only=on`,
    max: options.max,
  })
  readPool.on('error', options.onError)
  readPool.on('connect', (client) => client.on('error', options.onError))
  const reads = createTenantConnections(readPool)
  // One organization uses at most half of the connections.
  const limit = { maxConcurrent: Math.ceil(options.max / 2), timeoutMs: concurrencyTimeoutMs }
  guards.set(db, {
    transactions: createConcurrencyLimit(limit),
    reads,
    readLimit: createConcurrencyLimit(limit),
  })
  return {
    db,
    pool,
    close: async () => {
      await reads.close()
      await db.destroy()
    },
  }
}

/** What the API's connections have beside those for transactions. */
interface Guards {
  readonly transactions: ConcurrencyLimit
  readonly reads: TenantConnections
  readonly readLimit: ConcurrencyLimit
}

const guards = new WeakMap<Db, Guards>()

/**
 * Runs a transaction that acts for one organization. Row-level security hides all other rows. The setting ends with the transaction, so
 * a pooled connection never carries it over. On the API's pool, an organization uses at most half of the connections; throws
 * `Unavailable` after waiting too long for one.
 */
export function inOrganization<Result>(
  db: Db,
  organizationId: string,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  const run = () => transactFor(db, organizationId, work)
  return guards.get(db)?.transactions.run(organizationId, run) ?? run()
}

/**
 * Runs reads that act for one organization, inside row-level security. On the API's pool they take one round trip for each
 * statement, on connections that no transaction uses, and an organization uses at most half of those; throws `Unavailable` after
 * waiting too long for one. There is no transaction: each statement sees what is committed when it starts, as it would in one,
 * and a statement that fails fails only itself.
 */
export function readInOrganization<Result>(
  db: Db,
  organizationId: string,
  work: (db: Executor) => Promise<Result>,
): Promise<Result> {
  const guard = guards.get(db)
  return guard
    ? guard.readLimit.run(organizationId, () => guard.reads.run(organizationId, work))
    : inOrganization(db, organizationId, work)
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

/** Epoch milliseconds of the database's clock, as a column. */
export const databaseNowText = '(extract(epoch from clock_timestamp()) * 1000)::float8'
export const databaseNow: RawBuilder<number> = sql.raw(databaseNowText)

/** Reads the database's clock in epoch milliseconds. Every decision is stamped with it. */
export async function readDatabaseTime(db: Executor): Promise<number> {
  const { rows } = await sql<{ now: number }>`select ${databaseNow} as now`.execute(db)
  return Math.floor(rows[0]?.now ?? Number.NaN)
}
