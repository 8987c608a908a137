import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createEventStream } from '../../../src/graphql/events/event-stream.ts'
import { eventPageSize } from '../../../src/graphql/events/organization-feed.ts'
import { createKeyWatch } from '../../../src/graphql/server/key-watch.ts'
import { appendEvent } from '../../../src/store/event/append.ts'
import { pruneEvents } from '../../../src/store/event/prune-events.ts'
import { afterFile } from '../../support/after-file.ts'
import { createTestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'
import { createTenant, createTestApi, type Tenant } from '../support.ts'
import { sequencesOf, subscribeByStream, subscribeByWebSocket } from './subscribers.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const { pool } = database.owner
const api = await createTestApi(database, { apiBucket: { capacity: 100_000, refillPerSecond: 1_000 } })
const address = await api.listen(0, '127.0.0.1')
let tenant: Tenant
/** More than two pages of a replay. */
const last = 3 * eventPageSize
const old = 2 * eventPageSize + 50

beforeEach(async () => {
  tenant = await createTenant(database, api)
  await pool.query('delete from reelpilot.event where organization_id = $1', [tenant.organizationId])
  await pool.query(
    `insert into reelpilot.event (organization_id, sequence, type, at)
     select $1, n, case when n % 3 = 0 then 'quota.granted' else 'test' end,
            now() - make_interval(days => case when n <= $3 then 366 else 364 end)
       from generate_series(1, $2::int) n`,
    [tenant.organizationId, last, old],
  )
  await pool.query('update reelpilot.event_head set sequence = $2 where organization_id = $1', [
    tenant.organizationId,
    last,
  ])
})

const prune = () => pruneEvents(db, 365, 100)
/** `prune` deletes whole batches: the last 50 of the old events stay. */
const kept = 401
const sequences = async () =>
  (
    await pool.query('select sequence from reelpilot.event where organization_id = $1 order by sequence', [
      tenant.organizationId,
    ])
  ).rows.map(({ sequence }) => Number(sequence))
const from = (first: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index)
const errorOf = async (query: string) =>
  ((await (await tenant.post(query)).json()) as { errors?: { message: string; extensions: object }[] })
    .errors?.[0]
const tooOld = { extensions: { code: 'AFTER_TOO_OLD', firstSequence: kept } }

it('old events are deleted in whole batches from the beginning, and younger ones are kept', async () => {
  const other = await createTenant(database, api)
  const events = `select count(*)::int as events from reelpilot.event where organization_id = '${other.organizationId}'`
  const { rows } = await pool.query(events)
  await prune()
  expect(await sequences()).toEqual(from(kept))
  expect((await pool.query(events)).rows).toEqual(rows)
  await prune()
  expect(await sequences()).toEqual(from(kept))
})

it('the sequence goes on after a deletion', async () => {
  await prune()
  const { organizationId } = tenant
  expect(await db.transaction().execute((tx) => appendEvent(tx, { organizationId, type: 'test' }))).toBe(
    last + 1,
  )
})

it('no role of the running product can delete an event that is to be kept', async () => {
  await prune()
  await database.runtime.pool.query('delete from event where organization_id = $1', [tenant.organizationId])
  expect(await sequences()).toEqual(from(kept))
  await expect(database.api.pool.query('delete from event')).rejects.toThrow('permission denied')
})

describe('after a deletion', () => {
  beforeEach(prune)

  it('the list of events begins with the first that is kept, from either end', async () => {
    const { first, newest } = await tenant.request(
      `{ first: events(first: 1) { nodes { sequence } } newest: events(last: 100, before: "450") { nodes { sequence }
         pageInfo { hasPreviousPage } } }`,
    )
    expect(first.nodes).toEqual([{ sequence: kept }])
    expect(newest.nodes[0]).toEqual({ sequence: kept })
    expect(newest.pageInfo).toEqual({ hasPreviousPage: false })
  })

  it('a page after a deleted event is refused, unless everything after it is kept', async () => {
    expect(await errorOf('{ events(after: "399") { nodes { sequence } } }')).toMatchObject(tooOld)
    const { events } = await tenant.request('{ events(after: "400", first: 2) { nodes { sequence } } }')
    expect(events.nodes).toEqual([{ sequence: 401 }, { sequence: 402 }])
  })

  it.each(['events', 'quotaEvents', 'circuitBreakerEvents'])(
    'the subscription %s ends with AFTER_TOO_OLD instead of leaving events out',
    async (name) => {
      const payload = { query: `subscription { ${name}(after: 10) { sequence } }` }
      const stream = await subscribeByStream(address, tenant.key, payload)
      await waitUntil(stream.ended, (ended) => ended !== undefined)
      const [socket] = await subscribeByWebSocket(address, tenant.key, [payload])
      await waitUntil(
        () => socket?.ended(),
        (ended) => ended !== undefined,
      )
      for (const each of [stream, socket]) each?.close()
      const messages = [...stream.results, socket?.ended()]
      expect(messages.join()).toContain('"code":"AFTER_TOO_OLD"')
      expect(socket?.ended()).toContain(`"firstSequence":${kept}`)
      expect(stream.results.join()).not.toContain('"sequence"')
    },
  )

  it.each([0, kept - 1])('a subscriber after %i gets every event that is kept, once', async (after) => {
    const payload = { query: `subscription { events(after: ${after}) { sequence } }` }
    const stream = await subscribeByStream(address, tenant.key, payload)
    await waitUntil(
      () => stream.results.length,
      (count) => count >= from(kept).length,
    )
    stream.close()
    expect(sequencesOf(stream)).toEqual(from(kept))
  })
})

it('a pruning process that died after it had marked events shows none of them, and the next one deletes them', async () => {
  await pool.query('update reelpilot.event_head set deleted_through = 100 where organization_id = $1', [
    tenant.organizationId,
  ])
  const { events } = await tenant.request('{ events(first: 1) { nodes { sequence } } }')
  expect(events.nodes).toEqual([{ sequence: 101 }])
  await prune()
  expect(await sequences()).toEqual(from(kept))
})

describe('a replay', () => {
  const keys = createKeyWatch({ db: database.api.db, onError: () => undefined })
  let eventStream: Awaited<ReturnType<typeof createEventStream>>
  beforeAll(async () => {
    const { url } = database
    eventStream = await createEventStream({
      db: database.api.db,
      databaseUrl: url,
      keys,
      onError: () => undefined,
    })
  })
  afterFile(async () => {
    await eventStream.close()
    await keys.close()
  })

  it('whose next events are deleted while it is under way ends with AFTER_TOO_OLD', async () => {
    const ending = new AbortController()
    const { organizationId } = tenant
    const pages = eventStream.follow(organizationId, { after: 0, filter: { kind: 'all' } }, ending.signal)
    const { value } = await pages.next()
    expect(value?.at(-1)?.sequence).toBe(eventPageSize)
    await prune()
    await expect(pages.next()).rejects.toMatchObject(tooOld)
    ending.abort()
  })
})
