import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { startEmbeddedServer } from '../../../src/postgres/server.ts'
import { connect } from '../../../src/store/database.ts'
import { startAppProcess, untilReady } from '../../support/app-process.ts'
import { freePort } from '../../support/free-port.ts'

/** Starts a server without our roles and with two empty databases. */
async function createEmptyDatabases(): Promise<readonly [string, string]> {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-starts-'))
  const server = await startEmbeddedServer({ directory, settings: { max_connections: '300', fsync: 'off' } })
  onTestFinished(async () => {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const second = new URL(server.url)
  second.pathname = '/second'
  await query(server.url, 'create database second')
  return [server.url, second.href]
}

async function query(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const owner = connect(url, 'owner', { max: 1, name: 'test', onError: () => undefined })
  try {
    return (await owner.pool.query(statement)).rows
  } finally {
    await owner.close()
  }
}

/** Starts a process for each URL, makes all of them migrate at once, and returns the result of each. */
async function migrateAtOnce(urls: readonly string[]): Promise<readonly string[]> {
  const program = fileURLToPath(new URL('../../support/migrating-process.ts', import.meta.url))
  const children = urls.map((url) =>
    spawn(process.execPath, [program, url], { stdio: ['pipe', 'pipe', 'pipe'] }),
  )
  onTestFinished(() => {
    for (const child of children) child.kill('SIGKILL')
  })
  const output = children.map((child) => {
    let text = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (more) => {
        text += more
      })
    return () => text
  })
  await Promise.all(children.map((child) => once(child.stdout, 'data')))
  const ended = children.map((child) => once(child, 'close'))
  for (const child of children) child.stdin.write('go\n')
  await Promise.all(ended)
  return output.map((text) => /applied \d+|^.*[Ee]rror: .*$/m.exec(text())?.[0] ?? text())
}

const count = <Item>(items: readonly Item[], isCounted: (item: Item) => boolean) =>
  items.filter(isCounted).length

/** The row versions (xmin) of everything that a start could write. */
const versions = `
  select 'queue' as what, xmin::text, name as of from reelpilot_queue.queue
  union all select 'schedule', xmin::text, name from reelpilot_queue.schedule
  union all select 'relation', xmin::text, relname from pg_class where relnamespace in ('reelpilot_queue'::regnamespace, 'reelpilot'::regnamespace)
  union all select 'function', xmin::text, proname from pg_proc where pronamespace in ('reelpilot_queue'::regnamespace, 'reelpilot'::regnamespace)
  union all select 'schema', xmin::text, nspname from pg_namespace
  union all select 'migration', xmin::text, name from reelpilot.migration
  union all select 'member', xmin::text, roleid::regrole::text from pg_auth_members
  order by 1, 3, 2`

it('processes migrate two databases of one server at once, empty or up to date', async () => {
  const [first, second] = await createEmptyDatabases()
  const urls = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? first : second))

  const onEmpty = await migrateAtOnce(urls)
  expect(onEmpty.filter((output) => !output.startsWith('applied'))).toEqual([])
  // One process of each database applied everything.
  expect(count(onEmpty, (output) => output !== 'applied 0')).toBe(2)

  const before = await query(first, versions)
  const onMigrated = await migrateAtOnce(urls)
  expect(onMigrated).toEqual(urls.map(() => 'applied 0'))
  expect(await query(first, versions)).toEqual(before)
}, 600_000)

it('APIs and workers that start at once on an empty database come up and seed one rehearsal', async () => {
  const [url] = await createEmptyDatabases()
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-starts-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const starts = 4
  const ports = await Promise.all(Array.from({ length: 2 * starts }, () => freePort()))
  const key = Buffer.alloc(32, 7).toString('base64')
  const apps = Array.from({ length: starts }, (_, index) => {
    const port = ports[index] ?? 0
    const app = startAppProcess('start', {
      DATABASE_URL: url,
      REELPILOT_DATA: path.join(directory, String(index)),
      REELPILOT_SECRET_KEY: key,
      PORT: String(port),
      TIKTOK_LOCAL_PORT: String(ports[index + starts]),
      LOG_LEVEL: 'warn',
    })
    return { app, port }
  })
  await Promise.all(apps.map(({ app, port }) => untilReady(port, app, 240_000)))
  expect(await query(url, 'select name from reelpilot.organization')).toEqual([{ name: 'Rehearsal' }])
  for (const { app } of apps) app.child.kill('SIGTERM')
  expect(await Promise.all(apps.map(({ app }) => app.exited))).toEqual(
    apps.map(() => ({ code: 0, signal: null })),
  )
}, 600_000)
