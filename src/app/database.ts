import path from 'node:path'
import { createOrganization } from '../commands/tenant/create-organization.ts'
import type { Config } from '../config.ts'
import type { Logger } from '../logger.ts'
import { startEmbeddedServer } from '../postgres/server.ts'
import type { KeepRunningOptions } from '../postgres/supervise.ts'
import { installQueues } from '../queue/install-queues.ts'
import { explainDataDirectoryError, StartupError } from '../startup-error.ts'
import { connect } from '../store/database.ts'
import { migrate } from '../store/migrate.ts'
import { openDataDirectory, shortPath } from './data-directory.ts'
import { explainMigrationError, waitForDatabase } from './wait-for-database.ts'

export interface OpenOptions {
  /** Told what is waited for. */
  readonly print: (line: string) => void
  /** Cuts the waiting short. */
  readonly ending: AbortSignal
}

export interface OpenDatabase {
  readonly url: string
  /** For whoever goes on using it: only of our own. */
  keepRunning?(how: KeepRunningOptions): void
  stop(): Promise<void>
}

/**
 * The database of this configuration: the given one, or our own, started if it is not running. Several processes may
 * share our own; it is stopped by the last one that leaves, never under another. Throws `StartupError` for what a person mends.
 */
export async function openDatabase(config: Config, options: OpenOptions): Promise<OpenDatabase> {
  if (config.databaseUrl) {
    await waitForDatabase(config.databaseUrl, options)
    return { url: config.databaseUrl, stop: async () => undefined }
  }
  await openDataDirectory(config.dataDirectory)
  const directory = path.join(config.dataDirectory, 'postgres')
  options.print(`  Postgres   in ${shortPath(directory)}, which takes some seconds the first time …`)
  const server = await startEmbeddedServer({ directory }).catch((error: Error) => {
    const known = explainDataDirectoryError(error, config.dataDirectory)
    throw known === error ? new StartupError(error.message, { cause: error }) : known
  })
  return {
    url: server.url,
    keepRunning: (how) => server.keepRunning(how),
    async stop() {
      // What cannot be asked serves nobody.
      if (!(await hasOtherClients(server.url).catch(() => false))) await server.stop()
    },
  }
}

/** How a process is called that asks this, for it is about to leave: of two that stop at once, none stays for the other. */
const leaver = 'reelpilot stop'

async function hasOtherClients(url: string): Promise<boolean> {
  const owner = connect(url, 'owner', { max: 1, name: leaver, onError: () => undefined })
  try {
    const { rows } = await owner.pool.query<{ others: boolean }>(
      `select exists (select from pg_stat_activity where datname = current_database()
         and backend_type = 'client backend' and application_name <> $1) as others`,
      [leaver],
    )
    return rows[0]?.others ?? false
  } finally {
    await owner.close()
  }
}

/** Brings the database's schema and queues up to this build. Answers what was applied. */
export async function migrateDatabase(url: string, log: Logger): Promise<readonly string[]> {
  const owner = connect(url, 'owner', {
    max: 2,
    name: 'reelpilot migrate',
    onError: (error) => log.warn({ err: error }),
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

/** Creates an organization and answers its first key. */
export async function addOrganization(url: string, name: string, log: Logger): Promise<string> {
  const onError = (error: Error) => log.warn({ err: error }, 'database connection')
  const runtime = connect(url, 'reelpilot_runtime', { max: 1, name: 'reelpilot organization', onError })
  try {
    const { key } = await runtime.db.transaction().execute((tx) => createOrganization(tx, name))
    return key
  } finally {
    await runtime.close()
  }
}
