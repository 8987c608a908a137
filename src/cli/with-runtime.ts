import type { Logger } from '../logger.ts'
import { type Connection, connect } from '../store/database.ts'

/** Runs a command's work on a connection under the role `reelpilot_runtime`. */
export async function withRuntime<Result>(
  url: string,
  command: string,
  log: Logger,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const databaseLog = log.child({ component: 'database' })
  const connection = connect(url, 'reelpilot_runtime', {
    max: 2,
    name: `reelpilot ${command}`,
    onError: (error) => databaseLog.warn({ err: error }, 'connection lost'),
  })
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}
