import { once } from 'node:events'
import { appendFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { isFree } from '../../src/postgres/port.ts'
import { startEmbeddedServer } from '../../src/postgres/server.ts'
import { initialisedDirectory, isAlive, newDirectory, postmasterOf, query } from './playground.ts'

test('the first run initialises a database that answers as its superuser', async () => {
  const directory = await newDirectory()
  const server = await startEmbeddedServer({ directory })

  expect(server).toMatchObject({ attached: false, firstRun: true })
  expect(server.url).toMatch(/^postgres:\/\/reelpilot:[\w-]{32}@127\.0\.0\.1:\d+\/reelpilot$/)
  expect(
    await query(
      server.url,
      `select rolsuper, pg_encoding_to_char(encoding) as encoding, current_setting('fsync') as fsync,
              current_setting('server_version_num')::int / 10000 as major, lower('ÄÖ') = 'äö' as unicode
       from pg_roles, pg_database where rolname = current_user and datname = current_database()`,
    ),
  ).toEqual([{ rolsuper: true, encoding: 'UTF8', fsync: 'on', major: 18, unicode: true }])
})

test('the password file is private, and a wrong password is refused', async () => {
  const directory = await newDirectory()
  const { url } = await startEmbeddedServer({ directory })

  const { mode } = await stat(join(directory, 'password'))
  expect(mode & 0o777).toBe(0o600)
  expect(url).toContain(`:${(await readFile(join(directory, 'password'), 'utf8')).trim()}@`)
  const wrong = new URL(url)
  wrong.password = 'wrong'
  await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
})

test('the server listens on loopback only, whatever the settings, and creates no socket file', async () => {
  const directory = await initialisedDirectory()
  const server = await startEmbeddedServer({
    directory,
    settings: { listen_addresses: '*', LISTEN_ADDRESSES: '*' },
  })

  expect(await query(server.url, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }])
  expect(await query(server.url, 'show unix_socket_directories')).toEqual([{ unix_socket_directories: '' }])
  const outside = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find((one) => !one.internal)
  if (outside?.family === 'IPv4') {
    const url = new URL(server.url)
    url.hostname = outside.address
    await expect(query(url.href, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  }
})

test('a second start keeps the data, the password and the port', async () => {
  const directory = await newDirectory()
  const first = await startEmbeddedServer({ directory })
  await query(first.url, 'create table kept as select 42 as answer')
  await first.stop()

  const second = await startEmbeddedServer({ directory })
  expect(second).toMatchObject({ url: first.url, attached: false, firstRun: false })
  expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }])
})

test('a start uses another port if the last one is taken', async () => {
  const directory = await initialisedDirectory()
  const first = await startEmbeddedServer({ directory })
  await first.stop()
  const otherServer = createServer().listen(Number(new URL(first.url).port), '127.0.0.1')
  await once(otherServer, 'listening')

  const second = await startEmbeddedServer({ directory })
  otherServer.close()
  expect(second.url).not.toBe(first.url)
  expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('settings with spaces and quotes are passed unchanged', async () => {
  const directory = await initialisedDirectory()
  const server = await startEmbeddedServer({
    directory,
    settings: { application_name: `it's $HOME "and" \\more`, work_mem: '7MB' },
  })
  expect(await query(server.url, 'show work_mem')).toEqual([{ work_mem: '7MB' }])
  expect(
    await query(server.url, `select reset_val from pg_settings where name = 'application_name'`),
  ).toEqual([{ reset_val: `it's $HOME "and" \\more` }])
})

test('a relative directory and a name with shell characters are accepted', async () => {
  const directory = join(await newDirectory(), '..', `it's $(a) "name"`)
  const server = await startEmbeddedServer({ directory: relative(process.cwd(), directory) })
  expect(await query(server.url, 'show data_directory')).toEqual([
    { data_directory: join(directory, 'pgdata') },
  ])
  await server.stop()
})

test('stop ends the server despite connected clients, and is idempotent', async () => {
  const directory = await initialisedDirectory()
  const server = await startEmbeddedServer({ directory })
  const postmaster = await postmasterOf(directory)
  const sleeper = expect(query(server.url, 'select pg_sleep(600)')).rejects.toMatchObject({ code: '57P01' })
  while ((await query(server.url, `select from pg_stat_activity where query like '%(600)'`)).length === 0);

  await Promise.all([server.stop(), server.stop()])
  await server.stop()
  await sleeper
  expect(await isAlive(postmaster)).toBe(false)
})

test('stop does not end a later server of the directory', async () => {
  const directory = await initialisedDirectory()
  const first = await startEmbeddedServer({ directory })
  const attached = await startEmbeddedServer({ directory })
  expect(attached.attached).toBe(true)
  await attached.stop()
  const second = await startEmbeddedServer({ directory })

  await first.stop()
  expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('the remains of a killed initdb are removed and the directory is created again', async () => {
  const directory = await newDirectory()
  const half = join(directory, 'pgdata.half-done')
  await mkdir(half, { recursive: true })
  await writeFile(join(half, 'PG_VERSION'), '18\n')
  await mkdir(join(directory, 'pgdata'))

  const server = await startEmbeddedServer({ directory })
  expect(server.firstRun).toBe(true)
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect((await readdir(directory)).sort()).toEqual(['password', 'pgdata', 'port', 'postgres.log'])
})

test('a broken configuration is reported with the last lines of the log', async () => {
  const directory = await initialisedDirectory()
  await appendFile(join(directory, 'pgdata', 'postgresql.conf'), 'shared_bufers = a lot\n')

  await expect(startEmbeddedServer({ directory })).rejects.toThrow(
    /did not start.*postgres\.log:\n.*syntax error in file .*postgresql\.conf.*DATABASE_URL/s,
  )
})

test('a taken port is reported with the last lines of the log', async () => {
  const directory = await newDirectory()
  const otherServer = createServer().listen(0, '127.0.0.1')
  await once(otherServer, 'listening')
  const { port } = otherServer.address() as AddressInfo // of a TCP server

  await expect(startEmbeddedServer({ directory, port })).rejects.toThrow(
    /did not start.*postgres\.log:\n.*Address already in use.*DATABASE_URL/s,
  )
  otherServer.close()
  await once(otherServer, 'close')
  expect(await isFree(port)).toBe(true)
  const server = await startEmbeddedServer({ directory, port })
  expect(new URL(server.url).port).toBe(String(port))
})
