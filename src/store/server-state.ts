import pg from 'pg'
import { connectionOptions } from './database.ts'

/** How the Postgres of an address is, for a process that is about to work on it. */
export type ServerState =
  | { readonly kind: 'ready' }
  /** It follows another server, and takes no changes. */
  | { readonly kind: 'standby' }
  /** It starts, recovers or shuts down. */
  | { readonly kind: 'notYet' }
  | { readonly kind: 'tooOld'; readonly version: string }
  /** `code` is a condition of Postgres (`28P01`) or of the network (`ECONNREFUSED`), where there is one. */
  | { readonly kind: 'unreachable'; readonly code: string | undefined; readonly message: string }

const oldestVersion = 150_000
const answerWithinMs = 10_000

/** Asks once. */
export async function askServer(url: string): Promise<ServerState> {
  try {
    const [row] = await askOnce<{ standby: boolean; version: number; name: string }>(
      url,
      `select pg_is_in_recovery() as standby, current_setting('server_version_num')::int as version,
              current_setting('server_version') as name`,
    )
    if (row && row.version < oldestVersion) return { kind: 'tooOld', version: row.name }
    return { kind: row?.standby ? 'standby' : 'ready' }
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string } // what pg and net throw
    return code === '57P03' ? { kind: 'notYet' } : { kind: 'unreachable', code, message }
  }
}

export interface MissingRights {
  readonly user: string
  readonly database: string
  readonly toCreateRoles: boolean
  readonly toCreateSchemas: boolean
}

/** Which of the rights that migrations need the user of an address does not have. */
export async function findMissingRights(url: string): Promise<MissingRights> {
  const [rights] = await askOnce<MissingRights>(
    url,
    `select rolname as user, current_database() as database, not (rolcreaterole or rolsuper) as "toCreateRoles",
            not has_database_privilege(current_database(), 'CREATE') as "toCreateSchemas"
       from pg_roles where rolname = current_user`,
  )
  if (!rights) throw new Error('the user of the database is not in its catalogue')
  return rights
}

async function askOnce<Row extends pg.QueryResultRow>(
  url: string,
  statement: string,
): Promise<readonly Row[]> {
  const client = new pg.Client({
    ...connectionOptions(url, 'owner', 'reelpilot start'),
    query_timeout: answerWithinMs,
  })
  client.on('error', () => undefined) // the pending query is rejected with it
  try {
    await client.connect()
    return (await client.query<Row>(statement)).rows
  } finally {
    await client.end()
  }
}
