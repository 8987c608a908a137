import pg from 'pg'
import { connectionOptions } from './database.ts'

/** Opens a connection, runs an empty query and closes it. Rejects while the database is unreachable. */
export async function checkConnection(url: string): Promise<void> {
  const { onConnect: _, ...options } = connectionOptions(url, 'reelpilot_runtime', 'reelpilot probe')
  const client = new pg.Client(options)
  client.on('error', () => undefined) // The pending query is rejected with it.
  try {
    await client.connect()
    await client.query('select')
  } finally {
    await client.end().catch(() => undefined)
  }
}
