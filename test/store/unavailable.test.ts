import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { connect } from '../../src/store/database.ts'
import { asUnavailable, Unavailable } from '../../src/store/unavailable.ts'
import { createTestDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { startPostgresProxy } from '../support/postgres-proxy.ts'

const database = await createTestDatabase()

/** The error of work that must fail. */
async function errorOf(work: () => Promise<unknown>): Promise<unknown> {
  return await work().then(
    () => expect.unreachable('it worked'),
    (error) => error,
  )
}

function open(url: string, options: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 1, ...options })
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  onTestFinished(() => pool.end())
  return pool
}

const at = (port: number) => {
  const url = new URL(database.url)
  url.host = `127.0.0.1:${port}`
  return url.href
}

it('a refused connection is recognised as unavailable', async () => {
  const url = at(await freePort())
  const { db, close } = connect(url, 'reelpilot_api', { max: 1, name: 'test', onError: () => undefined })
  onTestFinished(close)
  const error = await errorOf(() => db.selectFrom('organization').select('id').execute())
  expect(asUnavailable(error)).toMatchObject({ name: 'Unavailable', retryAfterSeconds: 5, cause: error })
})

it('an unknown host name is recognised as unavailable', async () => {
  const pool = open('postgres://nobody@database.invalid/none')
  expect(asUnavailable(await errorOf(() => pool.query('select 1')))).not.toBeNull()
})

it('a connection that is cut during a query, and its later use, are recognised as unavailable', async () => {
  const proxy = await startPostgresProxy(database.url)
  const client = await open(proxy.url).connect()
  const pending = errorOf(() => client.query('select pg_sleep(60)'))
  await proxy.close()
  expect(asUnavailable(await pending)).not.toBeNull()
  expect(asUnavailable(await errorOf(() => client.query('select 1')))).not.toBeNull()
  client.release(true)
})

it('a server that accepts connections and never answers is recognised as unavailable', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  onTestFinished(() => void silent.close())
  const { port } = silent.address() as { readonly port: number } // A TCP server's address is an object.
  const pool = open(at(port), { connectionTimeoutMillis: 50 })
  expect(asUnavailable(await errorOf(() => pool.query('select 1')))).not.toBeNull()
  const client = new pg.Client({ connectionString: at(port), connectionTimeoutMillis: 50 })
  client.on('error', () => undefined)
  expect(asUnavailable(await errorOf(() => client.connect()))).not.toBeNull()
})

it('a server that shuts down is recognised as unavailable', async () => {
  const client = await open(database.url).connect()
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const pending = errorOf(() => client.query('select pg_sleep(60)'))
  await database.owner.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid])
  expect(asUnavailable(await pending)).not.toBeNull()
  client.release(true)
})

it('a pool without a free connection is recognised as unavailable', async () => {
  const pool = open(database.url, { connectionTimeoutMillis: 50 })
  const client = await pool.connect()
  expect(asUnavailable(await errorOf(() => pool.query('select 1')))?.message).toContain('overloaded')
  client.release()
})

it('a server without free connections and a read-only server are recognised as unavailable', async () => {
  const url = new URL(database.url)
  url.username = `guest_${randomUUID()}`
  const guest = `"${url.username}"`
  await database.owner.pool.query(`create role ${guest} login connection limit 0 password '${url.password}'`)
  onTestFinished(async () => void (await database.owner.pool.query(`drop role ${guest}`)))
  expect(asUnavailable(await errorOf(() => open(url.href).query('select 1')))?.message).toContain(
    'overloaded',
  )
  const writing = 'set transaction read only; create table public.nothing (id int)'
  expect(asUnavailable(await errorOf(() => database.owner.pool.query(writing)))).not.toBeNull()
})

it('a wrapped Unavailable is found at any depth, and no other error is converted', async () => {
  const thrown = new Unavailable('Too many at once.', { retryAfterSeconds: 1 })
  expect(asUnavailable(new Error('outer', { cause: new Error('inner', { cause: thrown }) }))).toBe(thrown)
  const circle = new Error('a circle')
  circle.cause = circle
  expect(asUnavailable(circle)).toBeNull()
  expect(asUnavailable('ECONNREFUSED')).toBeNull()
  for (const statement of ['select 1/0', 'select nothing from nowhere'])
    expect(asUnavailable(await errorOf(() => database.owner.pool.query(statement)))).toBeNull()
})
