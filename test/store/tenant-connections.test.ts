import { sql } from 'kysely'
import pg from 'pg'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { connect, connectionOptions, type Executor, readInOrganization } from '../../src/store/database.ts'
import { appendEvent } from '../../src/store/event/append.ts'
import { createTenantConnections } from '../../src/store/tenant-connections.ts'
import { createOrganization, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { waitUntil } from '../support/wait.ts'

let database: TestDatabase
let [one, other] = ['', '']

beforeAll(async () => {
  database = await createTestDatabase()
  ;[one, other] = [await createOrganization(database), await createOrganization(database)]
  for (const organizationId of [one, other])
    await appendEvent(database.runtime.db, { organizationId, type: 'test' })
})

/** Which organizations' events a connection sees. The statement itself names none. */
const visible = async (db: Executor) => {
  const { rows } = await sql<{ id: string }>`select organization_id as id from event`.execute(db)
  return rows.map(({ id }) => id)
}

function open(max: number) {
  const pool = new pg.Pool({ ...connectionOptions(database.url, 'reelpilot_api', 'test reads'), max })
  const clients: pg.PoolClient[] = []
  pool.on('error', () => undefined)
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
    clients.push(client)
  })
  const connections = createTenantConnections(pool)
  onTestFinished(() => connections.close())
  return { ...connections, pool, clients }
}

it('a connection that was just used for one organization shows the next one only its own rows', async () => {
  const { run, clients } = open(1)
  for (const organizationId of [one, other, one, one, other])
    expect(await run(organizationId, visible)).toEqual([organizationId])
  expect(clients).toHaveLength(1)
})

it('two organizations that read at the same time over one connection never see each other', async () => {
  const { run, clients } = open(1)
  const reads = Array.from({ length: 100 }, (_, index) => (index % 3 === 0 ? one : other))
  const seen = await Promise.all(reads.map((organizationId) => run(organizationId, visible)))
  expect(seen).toEqual(reads.map((organizationId) => [organizationId]))
  expect(clients).toHaveLength(1)
})

it('a statement is sent only after the server has confirmed its organization', async () => {
  const { run, pool } = open(2)
  const tenants = new Map<pg.PoolClient, string>()
  const wrong: string[] = []
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (config: pg.QueryConfig) => Promise<pg.QueryResult>
    client.query = (async (config: pg.QueryConfig) => {
      if (config.name === 'reelpilot_tenant') {
        tenants.delete(client)
        const result = await query(config)
        tenants.set(client, String(config.values?.[0]))
        return result
      }
      if (config.text.includes('from event') && tenants.get(client) !== config.values?.[0])
        wrong.push(config.text)
      return await query(config)
    }) as typeof client.query
  })
  const reads = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? one : other))
  await Promise.all(
    reads.map((id) => run(id, (db) => sql`select from event where ${id}::text is not null`.execute(db))),
  )
  expect(tenants.size).toBe(2)
  expect(wrong).toEqual([])
})

it('a connection whose organization could not be set is closed, and nothing runs on it', async () => {
  const { run, clients } = open(1)
  await run(one, visible)
  const [client] = clients
  const sent: string[] = []
  const query = client?.query.bind(client) as (config: pg.QueryConfig) => Promise<pg.QueryResult>
  if (client)
    client.query = ((config: pg.QueryConfig) => {
      sent.push(config.text)
      return query(config.name === 'reelpilot_tenant' ? { text: 'select 1 / 0' } : config)
    }) as typeof client.query
  await expect(run(other, visible)).rejects.toThrow(/division by zero/)
  expect(sent).toEqual([expect.stringContaining('set_config')])
  expect(await run(other, visible)).toEqual([other])
  expect(await run(one, visible)).toEqual([one])
  expect(clients).toHaveLength(2)
})

it('after a failed statement, and after a cancelled one, a connection shows the next organization only its own rows', async () => {
  const { run } = open(1)
  await expect(run(one, (db) => sql`select 1 / 0`.execute(db))).rejects.toThrow(/division by zero/)
  expect(await run(other, visible)).toEqual([other])
  const cancelled = run(one, (db) => sql`select pg_sleep(60)`.execute(db))
  await Promise.all([
    expect(cancelled).rejects.toThrow(/cancel/),
    waitUntil(
      async () =>
        await database.owner.pool.query(
          `select pg_cancel_backend(pid) from pg_stat_activity
            where datname = current_database() and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()`,
        ),
      ({ rowCount }) => rowCount === 1,
    ),
  ])
  expect(await run(other, visible)).toEqual([other])
  expect(await run(one, visible)).toEqual([one])
})

it('a connection that the server closed is replaced, whether it was idle or in use', async () => {
  const { run, clients } = open(1)
  const terminate = () =>
    database.owner.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'test reads'`,
    )
  await run(one, visible)
  const ended = new Promise((resolve) => clients[0]?.once('end', resolve))
  await terminate()
  await ended
  expect(await run(other, visible)).toEqual([other])
  await expect(
    run(one, async (db) => {
      await terminate()
      return await visible(db)
    }),
  ).rejects.toThrow()
  expect(await run(other, visible)).toEqual([other])
  expect(clients).toHaveLength(3)
})

it('what a read was given refuses statements once the read has ended', async () => {
  const { run } = open(1)
  const kept = await run(one, async (db) => db as { readonly [key: string]: unknown } & Executor)
  await run(other, visible)
  await expect(visible(kept)).rejects.toThrow(/the read has ended/)
})

it('a statement that a failed read left behind still runs for its own organization', async () => {
  const { run } = open(1)
  const seen: string[][] = []
  const failing = run(one, async (db) => {
    const late = (async () => seen.push(await visible(db)))()
    await Promise.all([sql`select 1 / 0`.execute(db), late])
  })
  await expect(failing).rejects.toThrow(/division by zero/)
  expect(await run(other, visible)).toEqual([other])
  expect(seen).toEqual([[one]])
})

it('a read on the pool of the API cannot write', async () => {
  const connection = connect(database.url, 'reelpilot_api', {
    max: 1,
    name: 'test',
    onError: () => undefined,
  })
  onTestFinished(() => connection.close())
  await expect(
    readInOrganization(connection.db, one, (db) =>
      sql`update organization set updated_at = now()`.execute(db),
    ),
  ).rejects.toThrow(/read-only/)
  expect(await readInOrganization(connection.db, one, visible)).toEqual([one])
})

it('a statement is planned once for a connection', async () => {
  const { run } = open(1)
  for (const organizationId of [one, other, one]) await run(organizationId, visible)
  const { rows } = await run(one, (db) =>
    sql<{ count: number }>`select count(*)::int as count from pg_prepared_statements
      where statement like 'select organization_id as id from event%'`.execute(db),
  )
  expect(rows).toEqual([{ count: 1 }])
})

it('a read whose table gets another column meanwhile still answers', async () => {
  const { run } = open(1)
  await database.owner.pool.query(`
    create table reelpilot.read_growing (id int);
    grant select on reelpilot.read_growing to reelpilot_api;
    insert into reelpilot.read_growing values (1)`)
  const read = () =>
    run(one, async (db) => (await sql`select * from read_growing where id = ${1}`.execute(db)).rows)
  expect(await read()).toEqual([{ id: 1 }])
  await database.owner.pool.query('alter table reelpilot.read_growing add column more int default 2')
  for (let count = 0; count < 2; count += 1) expect(await read()).toEqual([{ id: 1, more: 2 }])
})
