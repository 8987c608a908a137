import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedServer } from '../../src/postgres/server.ts'
import { installQueues } from '../../src/queue/install-queues.ts'
import { connect } from '../../src/store/database.ts'
import { migrate } from '../../src/store/migrate.ts'
import { stopSharedServers } from './s3/shared-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    readonly serverUrl: string
    /** A directory of this run, which is removed at its end. */
    readonly runDirectory: string
  }
}

/** One real Postgres for the whole run, with a migrated template that every test file gets a copy of. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-test-'))
  // No test covers a loss of power. Kills of the server lose no data without fsync.
  const server = await startEmbeddedServer({ directory, settings: { fsync: 'off', max_connections: '200' } })
  const owner = connect(server.url, 'owner', { max: 2, name: 'template', onError: () => undefined })
  await migrate(owner)
  await installQueues(server.url, owner)
  await owner.close()
  project.provide('serverUrl', server.url)
  const runDirectory = path.join(directory, 'run')
  await mkdir(runDirectory)
  project.provide('runDirectory', runDirectory)
  return async () => {
    await stopSharedServers(runDirectory)
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
}
