import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { openDataDirectory } from '../../src/app/data-directory.ts'
import { migrateDatabase } from '../../src/app/database.ts'
import { listen } from '../../src/app/listener.ts'
import { waitForDatabase } from '../../src/app/wait-for-database.ts'
import { createLogger } from '../../src/logger.ts'
import { startEmbeddedServer } from '../../src/postgres/server.ts'
import { explainDataDirectoryError, explainListenError } from '../../src/startup-error.ts'
import { startAppProcess } from '../support/app-process.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { waitUntil } from '../support/wait.ts'

vi.setConfig({ testTimeout: 300_000 })

const shutdown = new AbortController().signal
const print = () => undefined
const log = createLogger('silent', false)

/** The test's own server, at another address. */
function changed(
  parts: Partial<Pick<URL, 'hostname' | 'port' | 'username' | 'password' | 'pathname'>>,
): string {
  return Object.assign(new URL(inject('serverUrl')), parts).href
}

async function asSuperuser(...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: inject('serverUrl') })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

describe('an unusable database is explained in one sentence without its password:', () => {
  it.each([
    ['refused', { port: '1' }, /nothing listens at 127\.0\.0\.1:1; start that Postgres/],
    ['unknown host', { hostname: 'nowhere.invalid' }, /the host nowhere\.invalid is not known/],
    ['wrong password', { password: 'mistaken' }, /refuses the password of the user reelpilot; correct/],
    ['no such database', { pathname: '/nothing' }, /there is no database nothing at 127.*createdb/],
  ] as const)('%s', async (_case, parts, sentence) => {
    const url = changed(parts)
    const error = await waitForDatabase(url, { print, shutdown }).catch((error: Error) => error)
    expect(error).toMatchObject({ name: 'StartupError', message: expect.stringMatching(sentence) })
    expect(String(error)).not.toContain(new URL(url).password)
    expect(String(error)).toMatch(/^StartupError: DATABASE_URL: .*$/)
  })

  it('a user who may create neither roles nor schemas', async () => {
    const user = `plain_${process.pid}`
    await asSuperuser(`create role ${user} login password 'plain'`, `create database ${user}`)
    onTestFinished(() => asSuperuser(`drop database ${user} with (force)`, `drop role ${user}`))
    const url = changed({ username: user, password: 'plain', pathname: `/${user}` })
    await expect(migrateDatabase(url, log)).rejects.toMatchObject({
      name: 'StartupError',
      message: `DATABASE_URL: the user ${user} may not create roles nor schemas; as a superuser, run: alter role "${user}" createrole; grant create on database "${user}" to "${user}"`,
    })
    await asSuperuser(`grant create on database ${user} to ${user}`)
    await expect(migrateDatabase(url, log)).rejects.toThrow(/may not create roles; as a superuser/)
  })

  it('the process prints one line', async () => {
    const data = path.join(await temporaryDirectory(), 'data')
    const url = `postgres://me:hidden@127.0.0.1:${await freePort()}/reels`
    const app = startAppProcess('worker', { DATABASE_URL: url, REELPILOT_DATA: data, TIKTOK_LOCAL_PORT: '0' })
    expect(await app.exited).toMatchObject({ code: 1 })
    expect(app.output()).toMatch(
      /DATABASE_URL: nothing listens at 127\.0\.0\.1:\d+; start that Postgres, or correct the address\n$/,
    )
    expect(app.output()).not.toMatch(/hidden|^\s+at /m)
  })
})

it('a start waits for the promotion of a standby, and explains its timeout', async () => {
  const directory = await temporaryDirectory()
  const primary = await startEmbeddedServer({ directory })
  await primary.stop()
  await writeFile(path.join(directory, 'pgdata', 'standby.signal'), '')
  const { url, stop } = await startEmbeddedServer({ directory })
  onTestFinished(stop)
  await expect(waitForDatabase(url, { print, shutdown, timeoutMs: 0 })).rejects.toThrow(
    /^DATABASE_URL: the Postgres at 127\.0\.0\.1:\d+ is a standby and accepts no writes; promote it, or set/,
  )

  const lines: string[] = []
  const waiting = waitForDatabase(url, { print: (line) => lines.push(line), shutdown })
  await waitUntil(
    () => lines,
    ({ length }) => length > 0,
  )
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('select pg_promote()')
  await client.end()
  await waiting
  expect(lines).toEqual([expect.stringMatching(/is a standby\. Waiting up to a minute/)])
})

describe('an address that cannot be listened on is explained by its setting:', () => {
  it('an address of another machine, and an unknown name', async () => {
    await expect(listen({ host: '192.0.2.1', port: 0 })).rejects.toThrow(
      'HOST: 192.0.2.1 is not an address of this machine; set one that is, such as 127.0.0.1',
    )
    await expect(listen({ host: 'nowhere.invalid', port: 0 })).rejects.toThrow(
      /^HOST: nowhere\.invalid cannot be resolved/,
    )
  })
  it('a privileged port', () => {
    // Root itself may listen on every port.
    const denied = Object.assign(new Error('listen EACCES'), { code: 'EACCES' })
    expect(explainListenError(denied, { host: '127.0.0.1', port: 80, portSetting: 'PORT' })).toMatchObject({
      message: expect.stringMatching(/^PORT: this user may not listen on port 80;.*such as 4000$/),
    })
  })
})

it('an unusable data directory is explained in one sentence', async () => {
  const file = path.join(await temporaryDirectory(), 'file')
  await writeFile(file, '')
  await expect(openDataDirectory(file)).rejects.toThrow(
    `REELPILOT_DATA: ${file} cannot be used, because it is a file; fix that, or set another directory`,
  )
  await expect(openDataDirectory(path.join(file, 'below'))).rejects.toThrow(/a part of the path is a file/)
  const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', path: '/data/media/x' })
  expect(explainDataDirectoryError(full, '/data')).toMatchObject({
    message: expect.stringMatching(/the disk is full/),
  })
  expect(explainDataDirectoryError(full, '/dat')).toBe(full)
})
