import pg from 'pg'
import { type Connection, connectionOptions } from './database.ts'

/** Whether the Postgres at an address can be used. */
export type ServerState =
  | { readonly kind: 'ready' }
  /** It follows another server and refuses writes. */
  | { readonly kind: 'standby' }
  /** It is starting, recovering or shutting down. */
  | { readonly kind: 'notReady' }
  | { readonly kind: 'tooOld'; readonly version: string }
  /** `code` is a SQLSTATE (`28P01`) or a network error code (`ECONNREFUSED`), if there is one. */
  | { readonly kind: 'unreachable'; readonly code: string | undefined; readonly message: string }

const minVersion = 150_000
const queryTimeoutMs = 10_000

/** Connects once and reads the state of the server. */
export async function readServerState(url: string): Promise<ServerState> {
  try {
    const [row] = await queryOnce<{ standby: boolean; version: number; name: string }>(
      url,
      `select pg_is_in_recovery() as standby, current_setting('server_version_num')::int as version,
              current_setting('server_version') as name`,
    )
    if (row && row.version < minVersion) return { kind: 'tooOld', version: row.name }
    return { kind: row?.standby ? 'standby' : 'ready' }
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string } // What pg and net throw.
    return code === '57P03' ? { kind: 'notReady' } : { kind: 'unreachable', code, message }
  }
}

export interface MissingRights {
  readonly user: string
  readonly database: string
  readonly toCreateRoles: boolean
  readonly toCreateSchemas: boolean
}

/** Finds which of the rights that migrations need the user lacks. */
export async function findMissingRights(url: string): Promise<MissingRights> {
  const [rights] = await queryOnce<MissingRights>(
    url,
    `select rolname as user, current_database() as database, not (rolcreaterole or rolsuper) as "toCreateRoles",
            not has_database_privilege(current_database(), 'CREATE') as "toCreateSchemas"
       from pg_roles where rolname = current_user`,
  )
  if (!rights) throw new Error('the database user does not exist in pg_roles')
  return rights
}

/** Whether the database has sessions of clients with another application name. */
export async function hasOtherSessions(owner: Connection, applicationName: string): Promise<boolean> {
  const { rows } = await owner.pool.query<{ found: boolean }>(
    `select exists (select from pg_stat_activity where datname = current_database()
       and backend_type = 'client backend' and application_name <> $1) as found`,
    [applicationName],
  )
  return rows[0]?.found ?? false
}

async function queryOnce<Row extends pg.QueryResultRow>(
  url: string,
  statement: string,
): Promise<readonly Row[]> {
  const client = new pg.Client({
    ...connectionOptions(url, 'owner', 'reelpilot start'),
    query_timeout: queryTimeoutMs,
  })
  client.on('error', () => undefined) // The pending query is rejected with it.
  try {
    await client.connect()
    return (await client.query<Row>(statement)).rows
  } finally {
    await client.end()
  }
}
