import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startEmbeddedServer } from '../../src/postgres/server.ts'
import {
  initialisedDirectory,
  isAlive,
  keepServer,
  killAndWait,
  newDirectory,
  postmasterOf,
  query,
} from './playground.ts'

test('a server survives SIGKILL of the process that started it, and the next start attaches to it', async () => {
  const directory = await newDirectory()
  const keeper = await keepServer(directory)
  expect(keeper).toMatchObject({ attached: false, firstRun: true })
  await query(keeper.url, 'create table kept as select 42 as answer')
  const postmaster = await postmasterOf(directory)
  keeper.process.kill('SIGKILL')
  await once(keeper.process, 'exit')

  const server = await startEmbeddedServer({ directory })
  expect(server).toMatchObject({ url: keeper.url, attached: true, firstRun: false })
  expect(await postmasterOf(directory)).toBe(postmaster)
  expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }])

  await server.stop()
  expect(await isAlive(postmaster)).toBe(false)
})

test('a Ctrl-C in the terminal does not reach the server', async () => {
  const directory = await initialisedDirectory()
  const keeper = await keepServer(directory, { detached: true })
  // A terminal sends SIGINT to the whole foreground process group.
  process.kill(-Number(keeper.process.pid), 'SIGINT')
  await once(keeper.process, 'exit')

  const server = await startEmbeddedServer({ directory })
  expect(server.attached).toBe(true)
})

test('SIGKILL of the server loses no committed data', async () => {
  const directory = await initialisedDirectory()
  const first = await startEmbeddedServer({ directory })
  await query(first.url, 'create table kept as select 42 as answer')
  await killAndWait(await postmasterOf(directory), 'SIGKILL')

  // At once, while its backends may still run and its lock still exists.
  const second = await startEmbeddedServer({ directory })
  expect(second).toMatchObject({ url: first.url, attached: false, firstRun: false })
  expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }])
})

test('a start during a shutdown waits for the port', async () => {
  const directory = await initialisedDirectory()
  const first = await startEmbeddedServer({ directory })
  const postmaster = await postmasterOf(directory)
  // Stopped before it can shut down: it holds its lock and its port, and does not answer.
  process.kill(postmaster, 'SIGSTOP')
  process.kill(postmaster, 'SIGQUIT')
  const starting = startEmbeddedServer({ directory })
  await pause(3_000) // A probe times out after 2 s.
  process.kill(postmaster, 'SIGCONT')

  expect(await starting).toMatchObject({ url: first.url, attached: false })
  // No other server was started at another port.
  expect(await readFile(join(directory, 'postgres.log'), 'utf8')).not.toContain('already exists')
})

test.each([
  {
    lock: 'whose pid belongs to another program',
    change: (text: string) => text.replace(/^\d+/, String(process.pid)),
  },
  { lock: 'that a full disk truncated', change: () => '' },
])('a lock $lock does not prevent a start', async ({ change }) => {
  const directory = await initialisedDirectory()
  const first = await startEmbeddedServer({ directory })
  await query(first.url, 'create table kept as select 42 as answer')
  const path = join(directory, 'pgdata', 'postmaster.pid')
  const lock = await readFile(path, 'utf8')
  await first.stop()
  await writeFile(path, change(lock))

  const second = await startEmbeddedServer({ directory })
  expect(second.attached).toBe(false)
  expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }])
})

test('concurrent processes start one server', async () => {
  const directory = await newDirectory()
  const keepers = await Promise.all([keepServer(directory), keepServer(directory), keepServer(directory)])

  expect(new Set(keepers.map(({ url }) => url)).size).toBe(1)
  expect(keepers.filter(({ firstRun }) => firstRun)).toHaveLength(1)
  expect(keepers.filter(({ attached }) => !attached)).toHaveLength(1)
  const [{ url }] = keepers
  expect(await query(url, 'select pg_postmaster_start_time() < now() as one')).toEqual([{ one: true }])
})

test('concurrent starts over a stale lock start one server', async () => {
  const directory = await initialisedDirectory()
  // The pid of another program: we remove such a lock ourselves, and a race must not remove the winner's.
  const lines = [process.pid, join(directory, 'pgdata'), 1, 1, '', '127.0.0.1']
  await writeFile(join(directory, 'pgdata', 'postmaster.pid'), `${lines.join('\n')}\n`)

  const servers = await Promise.all([1, 2, 3].map(() => startEmbeddedServer({ directory })))
  expect(new Set(servers.map(({ url }) => url)).size).toBe(1)
  expect(servers.filter(({ attached }) => !attached)).toHaveLength(1)
  expect(await isAlive(await postmasterOf(directory))).toBe(true)
})
