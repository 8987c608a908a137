import { Client, DatabaseError } from 'pg'
import { superuser } from './cluster.ts'

export const database = 'reelpilot'

/** The URL of a database of the server at a loopback port. */
export function urlOf(port: number, password: string, name: string = database): string {
  return `postgres://${superuser}:${password}@127.0.0.1:${port}/${name}`
}

/**
 * Probes whether our server listens on a port. `ready` is proof of it, because SCRAM shows that both sides know the password;
 * `notReady` is a server that starts, recovers or stops; `unreachable` is anything else, including another program.
 */
export async function probe(port: number, password: string): Promise<'ready' | 'notReady' | 'unreachable'> {
  try {
    await withClient(port, password, (client) => client.query('select 1'))
    return 'ready'
  } catch (error) {
    return isDatabaseError(error, 'cannot_connect_now') ? 'notReady' : 'unreachable'
  }
}

/** Creates the database if it does not exist. */
export async function ensureDatabase(port: number, password: string): Promise<void> {
  await withClient(port, password, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database])
    if (rowCount) return
    try {
      await client.query(`create database ${database}`)
    } catch (error) {
      // Another process has created it: reported by name, or by the unique index of the catalogue.
      if (!isDatabaseError(error, 'duplicate_database') && !isDatabaseError(error, 'unique_violation'))
        throw error
    }
  })
}

const sqlState = {
  cannot_connect_now: '57P03',
  duplicate_database: '42P04',
  unique_violation: '23505',
} as const

function isDatabaseError(error: unknown, condition: keyof typeof sqlState): boolean {
  return error instanceof DatabaseError && error.code === sqlState[condition]
}

async function withClient<T>(
  port: number,
  password: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    connectionString: urlOf(port, password, 'postgres'),
    ssl: false, // Overrides PGSSLMODE.
    options: '-c search_path=pg_catalog', // Overrides PGOPTIONS.
    connectionTimeoutMillis: 2_000,
  })
  client.on('error', () => undefined) // The pending query rejects with it.
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end()
  }
}
