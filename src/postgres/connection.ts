import { Client, DatabaseError } from 'pg'
import { superuser } from './cluster.ts'

export const database = 'reelpilot'

/** The address of a database of the server on a loopback port. */
export function urlOf(port: number, password: string, name: string = database): string {
  return `postgres://${superuser}:${password}@127.0.0.1:${port}/${name}`
}

/**
 * Asks whether our server is on a port. `answers` is proof of it, because SCRAM shows that both sides know the password;
 * `notYet` is a server that starts, recovers or stops; `silent` is anything else, another program's port included.
 */
export async function ask(port: number, password: string): Promise<'answers' | 'notYet' | 'silent'> {
  try {
    await withClient(port, password, (client) => client.query('select 1'))
    return 'answers'
  } catch (error) {
    return isDatabaseError(error, 'cannot_connect_now') ? 'notYet' : 'silent'
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
      // Another process was quicker: seen by name, or by the catalogue's unique index.
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
    ssl: false, // else PGSSLMODE in the environment decides
    options: '-c search_path=pg_catalog', // else PGOPTIONS does
    connectionTimeoutMillis: 2_000,
  })
  client.on('error', () => undefined) // the pending query is rejected with it
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end()
  }
}
