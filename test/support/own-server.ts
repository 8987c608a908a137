import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { startEmbeddedServer } from '../../src/postgres/server.ts'
import { installQueues } from '../../src/queue/install-queues.ts'
import { connect } from '../../src/store/database.ts'
import { migrate } from '../../src/store/migrate.ts'
import type { TestDatabase } from './database.ts'

export interface OwnServer extends TestDatabase {
  /** Ends the server like a crash, by the signal of an immediate shutdown, and starts it again. */
  crashAndRestart(): Promise<void>
}

/** Starts a Postgres for one test, with default durability, which the test may crash. It is removed after the test. */
export async function createOwnServer(): Promise<OwnServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-own-'))
  let server = await startEmbeddedServer({ directory })
  const open = (role: Parameters<typeof connect>[1]) =>
    connect(server.url, role, { max: 10, name: `test ${role}`, onError: () => undefined })
  const [owner, runtime, api] = [open('owner'), open('reelpilot_runtime'), open('reelpilot_api')]
  onTestFinished(async () => {
    for (const connection of [owner, runtime, api]) await connection.close()
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  })
  await migrate(owner)
  await installQueues(server.url, owner)
  return {
    url: server.url,
    owner,
    runtime,
    api,
    async crashAndRestart() {
      const [pid] = (await readFile(path.join(directory, 'pgdata', 'postmaster.pid'), 'utf8')).split('\n')
      process.kill(Number(pid), 'SIGQUIT')
      const previous = server.url
      server = await startEmbeddedServer({ directory })
      if (server.url !== previous) throw new Error('the server came back at another address')
    },
  }
}
