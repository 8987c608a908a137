import path from 'node:path'
import { createOrganization } from './commands/create-organization.ts'
import type { Config } from './config.ts'
import { installQueues } from './queue/install-queues.ts'
import { connect } from './store/database.ts'
import { startEmbeddedServer } from './store/embedded/server.ts'
import { migrate } from './store/migrate.ts'
import type { Logger } from './telemetry/log.ts'

/**
 * The database of this configuration: the given one, or our own, started if it is not running. Several processes may
 * share our own; it is stopped by the last one that leaves, never under another.
 */
export async function openDatabase(config: Config): Promise<{ readonly url: string; stop(): Promise<void> }> {
  if (config.databaseUrl) return { url: config.databaseUrl, stop: async () => undefined }
  const server = await startEmbeddedServer({ directory: path.join(config.dataDirectory, 'postgres') })
  return {
    url: server.url,
    async stop() {
      if (!(await hasOtherClients(server.url))) await server.stop()
    },
  }
}

async function hasOtherClients(url: string): Promise<boolean> {
  const owner = connect(url, 'owner', { max: 1, name: 'reelpilot stop', onError: () => undefined })
  try {
    const { rows } = await owner.pool.query<{ others: boolean }>(
      `select exists (select from pg_stat_activity where datname = current_database()
         and backend_type = 'client backend' and pid <> pg_backend_pid()) as others`,
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
