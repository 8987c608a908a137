import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startEmbeddedServer } from '../../src/postgres/server.ts'
import { waitUntil } from '../support/wait.ts'
import { isAlive, killAndWait, newDirectory, postmasterOf, query } from './playground.ts'

test('a server that is killed is started again, at the same port, each time', async () => {
  const directory = await newDirectory()
  const server = await startEmbeddedServer({ directory })
  let restarted = 0
  server.keepRunning({ onRestarted: () => (restarted += 1), onLost: (error) => expect(error).toBeNull() })
  onTestFinished(() => server.stop())
  await query(server.url, 'create table kept as select 42 as answer')
  for (const times of [1, 2]) {
    await killAndWait(await postmasterOf(directory), 'SIGKILL')
    await waitUntil(
      () => restarted,
      (seen) => seen === times,
    )
    expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }])
  }
  // Stopped by us it stays so, whoever had started it last.
  const last = await postmasterOf(directory)
  await server.stop()
  expect(await isAlive(last)).toBe(false)
})

test('a server that cannot be started again is given up, with the reason', async () => {
  const directory = await newDirectory()
  const server = await startEmbeddedServer({ directory })
  await killAndWait(await postmasterOf(directory), 'SIGKILL')
  await rename(join(directory, 'pgdata'), join(directory, 'elsewhere'))
  const lost = new Promise<Error>((resolve) => {
    server.keepRunning({ onRestarted: () => undefined, onLost: resolve, delaysMs: [0, 10] })
  })
  expect((await lost).message).toMatch(/^The embedded Postgres did not start\./)
})
