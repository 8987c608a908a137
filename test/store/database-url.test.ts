import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { createBoss } from '../../src/queue/boss.ts'
import { type Connection, connect } from '../../src/store/database.ts'
import { readDatabaseUrl } from '../../src/store/database-url.ts'
import type { Role } from '../../src/store/role.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { createOwnServer } from '../support/own-server.ts'

const database = await createTestDatabase()

function urlWith(parameters: Readonly<Record<string, string>>, url = database.url): string {
  const given = new URL(url)
  for (const [name, value] of Object.entries(parameters)) given.searchParams.set(name, value)
  return given.href
}

function open(url: string, role: Role): Connection {
  const connection = connect(url, role, { max: 1, name: 'test', onError: () => undefined })
  onTestFinished(() => connection.close())
  return connection
}

describe('a parameter of DATABASE_URL', () => {
  const mine = createOrganization(database, 'Mine')

  it.each([
    { options: '-c statement_timeout=54321' },
    { options: '-c role=reelpilot -c search_path=public' },
    { application_name: 'mine' },
    { options: '-c row_security=off', application_name: 'mine' },
    { application_name: 'mine', options: '' },
    { lock_timeout: '77', replication: 'database', client_encoding: 'LATIN1' },
  ])('does not take the API out of row-level security: %j', async (parameters) => {
    const id = await mine
    const url = urlWith(parameters)
    const api = open(url, 'reelpilot_api')
    const { rows } = await api.pool.query(
      'select current_user as user, id from organization right join (select) one on true',
    )
    expect(rows).toEqual([{ user: 'reelpilot_api', id: null }])
    const seen = await database.owner.pool.query('select from reelpilot.organization where id = $1', [id])
    expect(seen.rowCount).toBe(1)

    const errors: unknown[] = []
    const boss = createBoss({
      url,
      role: 'reelpilot_api',
      name: 'test queue',
      supervises: false,
      onError: (error) => errors.push(error),
    })
    await boss.start()
    const connected = await database.owner.pool.query(
      "select usename, application_name as name from pg_stat_activity where application_name like 'test queue%'",
    )
    await boss.stop({ graceful: false })
    expect(connected.rowCount).toBeGreaterThan(0)
    expect(errors).toEqual([])
  })

  it('cannot set an organization for every session', async () => {
    const api = open(urlWith({ options: `-c app.organization_id=${await mine}` }), 'reelpilot_api')
    expect((await api.pool.query('select id from organization')).rows).toEqual([])
  })

  it('is kept if it does not override our settings', async () => {
    const api = open(urlWith({ options: '-c work_mem=12MB', application_name: 'mine' }), 'reelpilot_api')
    const { rows } = await api.pool.query(
      "select current_setting('work_mem') as memory, current_setting('application_name') as name",
    )
    expect(rows).toEqual([{ memory: '12MB', name: 'test (mine)' }])
  })

  it('still sets the address and the encryption of the connection', () => {
    const url =
      'postgres://me:p%40ss@ignored/db?host=%2Frun&sslmode=verify-full&options=-c%20a.b%3D1&schema=public'
    expect(readDatabaseUrl(url)).toEqual({
      connectionString: 'postgres://me:p%40ss@ignored/db?host=%2Frun&sslmode=verify-full',
      options: '-c a.b=1',
      applicationName: null,
    })
    // The test server has no certificate, so a connection that requires one fails.
    return expect(
      open(urlWith({ sslmode: 'require' }), 'reelpilot_api').pool.query('select'),
    ).rejects.toThrow(/does not support SSL/)
  })

  it('is refused by name if it would change every session', () => {
    const url = urlWith({ lock_timeout: '5', statement_timeout: '5', sslmode: 'disable' })
    expect(() => readConfig({ DATABASE_URL: url }, false)).toThrow(
      /DATABASE_URL: must not set "statement_timeout".*\n.*DATABASE_URL: must not set "lock_timeout"/,
    )
    expect(
      readConfig({ DATABASE_URL: urlWith({ sslmode: 'disable', options: '-c a.b=1' }) }, false),
    ).toBeTruthy()
  })
})

describe('a connection with the wrong role', () => {
  it('is refused if the start-up options do not reach Postgres, as behind a pooler', async () => {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    onTestFinished(() => client.end())
    const { verifyRole } = await import('../../src/store/role.ts')
    await expect(verifyRole(client, 'reelpilot_api', 'reelpilot')).rejects.toThrow(
      /has the role "reelpilot" instead of "reelpilot_api"/,
    )
  })

  it('is refused if row-level security does not apply to the role', async () => {
    // Roles belong to the server, and other tests use the shared one.
    const own = await createOwnServer()
    await open(own.url, 'reelpilot_api').pool.query('select')
    await own.owner.pool.query('alter role reelpilot_api bypassrls')
    await expect(open(own.url, 'reelpilot_api').pool.query('select')).rejects.toThrow(
      /row-level security does not apply to the role "reelpilot_api"/,
    )
    const boss = createBoss({
      url: own.url,
      role: 'reelpilot_api',
      name: 'test queue',
      supervises: false,
      onError: () => undefined,
    })
    await expect(boss.start()).rejects.toThrow(/row-level security does not apply/)
    await boss.stop({ graceful: false })
  })
})
