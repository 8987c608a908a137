import path from 'node:path'
import type { Config } from '../config.ts'
import type { Logger } from '../logger.ts'
import { startEmbeddedServer } from '../postgres/server.ts'
import type { SuperviseOptions } from '../postgres/supervise.ts'
import { installQueues } from '../queue/install-queues.ts'
import { explainDataDirectoryError, StartupError } from '../startup-error.ts'
import { connect } from '../store/database.ts'
import { migrate } from '../store/migrate.ts'
import { hasOtherSessions } from '../store/server-state.ts'
import { openDataDirectory, shortPath } from './data-directory.ts'
import { explainMigrationError, waitForDatabase } from './wait-for-database.ts'

export interface OpenOptions {
  /** Prints what the start waits for. */
  readonly print: (line: string) => void
  /** Aborts the wait. */
  readonly shutdown: AbortSignal
}

export interface OpenDatabase {
  readonly url: string
  /** Restarts the bundled server whenever it ends. Undefined for a given one. */
  supervise?(options: SuperviseOptions): void
  /** Stops the bundled server unless another process uses it. */
  stop(): Promise<void>
}

/**
 * Opens the configured database, or the bundled one, which is started if it is not running. Several processes can share the
 * bundled one; the last of them stops it. Throws `StartupError` for a problem that a person can fix.
 */
export async function openDatabase(config: Config, options: OpenOptions): Promise<OpenDatabase> {
  if (config.databaseUrl) {
    await waitForDatabase(config.databaseUrl, options)
    return { url: config.databaseUrl, stop: async () => undefined }
  }
  await openDataDirectory(config.dataDirectory)
  const directory = path.join(config.dataDirectory, 'postgres')
  options.print(`  Postgres   in ${shortPath(directory)}; the first start takes some seconds …`)
  const server = await startEmbeddedServer({ directory }).catch((error: Error) => {
    const known = explainDataDirectoryError(error, config.dataDirectory)
    throw known === error ? new StartupError(error.message, { cause: error }) : known
  })
  return {
    url: server.url,
    supervise: (how) => server.supervise(how),
    async stop() {
      // A server that cannot be asked has no clients.
      if (!(await hasOtherClients(server.url).catch(() => false))) await server.stop()
    },
  }
}

/** The connection name of a process that is stopping: two that stop at once must not wait for each other. */
const stoppingName = 'reelpilot stop'

async function hasOtherClients(url: string): Promise<boolean> {
  const owner = connect(url, 'owner', { max: 1, name: stoppingName, onError: () => undefined })
  try {
    return await hasOtherSessions(owner, stoppingName)
  } finally {
    await owner.close()
  }
}

/** Migrates the database's schema and queues to this build. Returns the applied migrations. */
export async function migrateDatabase(url: string, log: Logger): Promise<readonly string[]> {
  const owner = connect(url, 'owner', {
    max: 2,
    name: 'reelpilot migrate',
    onError: (error) => log.child({ component: 'database' }).warn({ err: error }, 'connection lost'),
  })
  try {
    const applied = await migrate(owner)
    await installQueues(url, owner)
    return applied
  } catch (error) {
    throw await explainMigrationError(error, url)
  } finally {
    await owner.close()
  }
}
