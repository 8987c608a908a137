import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startEmbeddedServer } from '../../src/postgres/server.ts'
import { waitUntil } from '../support/wait.ts'
import { initialisedDirectory, isAlive, killAndWait, postmasterOf, query } from './playground.ts'

test('a supervised server is restarted at the same port whenever it is killed', async () => {
  const directory = await initialisedDirectory()
  const server = await startEmbeddedServer({ directory })
  let restarted = 0
  server.supervise({ onRestart: () => (restarted += 1), onGiveUp: (error) => expect(error).toBeNull() })
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
  // A stopped server is not restarted, even if the supervision started it last.
  const last = await postmasterOf(directory)
  await server.stop()
  expect(await isAlive(last)).toBe(false)
})

test('supervision gives up, with the reason, if the server cannot be restarted', async () => {
  const directory = await initialisedDirectory()
  const server = await startEmbeddedServer({ directory })
  await killAndWait(await postmasterOf(directory), 'SIGKILL')
  await rename(join(directory, 'pgdata'), join(directory, 'elsewhere'))
  const givenUp = new Promise<Error>((resolve) => {
    server.supervise({ onRestart: () => undefined, onGiveUp: resolve, delaysMs: [0, 10] })
  })
  expect((await givenUp).message).toMatch(/^The bundled Postgres did not start\./)
})
