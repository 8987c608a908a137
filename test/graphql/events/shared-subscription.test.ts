import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { appendEvent } from '../../../src/store/event/append.ts'
import { createChangeNotifier } from '../../../src/store/event/notify.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'
import {
  createDraft,
  createKey,
  createTenant,
  createTestApi,
  globalId,
  mutate,
  type Tenant,
} from '../support.ts'
import { sequencesOf, subscribeByStream, subscribeByWebSocket, type TestSubscriber } from './subscribers.ts'

let database: TestDatabase
let address: string
let tenant: Tenant
let otherTenant: Tenant
let notify: (organizationId: string) => void
const connections = new Set<Socket>()
const open: TestSubscriber[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  const server = createServer()
  server.on('connection', (socket) => {
    connections.add(socket)
    socket.on('close', () => connections.delete(socket))
  })
  const api = await createTestApi(database, {
    server,
    apiBucket: { capacity: 100_000, refillPerSecond: 1_000 },
    socketLimits: { sockets: 200, socketsPerOrganization: 100, operationsPerSocket: 20 },
  })
  address = await api.listen(0, '127.0.0.1')
  tenant = await createTenant(database, api)
  otherTenant = await createTenant(database, api)
  const notifications = createChangeNotifier(database.runtime)
  notify = (organizationId) => notifications.send({ organizations: [organizationId], jobs: [] })
  return () => notifications.close()
})

afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

const query = 'subscription ($after: SafeInt) { events(after: $after) { sequence type payload } }'

async function append({ organizationId }: Tenant, payload: object = {}): Promise<number> {
  const sequence = await database.runtime.db
    .transaction()
    .execute((tx) => appendEvent(tx, { organizationId, type: 'test', payload }))
  notify(organizationId)
  return sequence
}

/** Appends events in one statement, so that a subscriber pauses for less time than makes the server give it up. */
async function appendMany(of: Tenant, count: number, payloadBytes: number): Promise<number> {
  const { rows } = await database.owner.pool.query(
    `with head as (
       update reelpilot.event_head set sequence = sequence + $2 where organization_id = $1 returning sequence
     ), added as (
       insert into reelpilot.event (organization_id, sequence, type, payload)
       select $1, sequence - $2 + n, 'test', jsonb_build_object('text', repeat('x', $3))
         from head, generate_series(1, $2::int) n
     )
     select sequence from head`,
    [of.organizationId, count, payloadBytes],
  )
  notify(of.organizationId)
  return Number(rows[0].sequence)
}

async function byWebSocket(key: string, payloads: readonly object[]): Promise<readonly TestSubscriber[]> {
  const subscribers = await subscribeByWebSocket(address, key, payloads)
  open.push(...subscribers)
  return subscribers
}

async function byStream(key: string, payload: object) {
  const subscriber = await subscribeByStream(address, key, payload)
  open.push(subscriber)
  return subscriber
}

/** Waits until each has its first event, so that all of them are live. */
async function untilLive(of: Tenant, subscribers: readonly TestSubscriber[]): Promise<number> {
  return await waitUntil(
    () => append(of),
    () => subscribers.every(({ results }) => results.length > 0),
  )
}

const untilReceived = (subscribers: readonly TestSubscriber[], last: number) =>
  waitUntil(
    () => subscribers.map((each) => sequencesOf(each).at(-1)),
    (lasts) => lasts.every((each) => each === last),
  )

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

const expectContiguous = (subscribers: readonly TestSubscriber[], last: number) => {
  for (const each of subscribers) {
    const sequences = sequencesOf(each)
    expect(sequences).toEqual(range(sequences[0] ?? 0, last))
  }
}

describe('a shared execution', () => {
  it('sends 1,000 subscribers of two organizations the same bytes, and none of the other organization', async () => {
    const parties = await Promise.all(
      [tenant, otherTenant].map(async (of) => {
        const canary = `canary-${of.organizationId}`
        const sockets = Array.from({ length: 24 }, () =>
          byWebSocket(
            of.key,
            Array.from({ length: 20 }, () => ({ query })),
          ),
        )
        const streams = Array.from({ length: 20 }, () => byStream(of.key, { query }))
        const subscribers = [...(await Promise.all(sockets)).flat(), ...(await Promise.all(streams))]
        expect(subscribers).toHaveLength(500)
        return { of, canary, subscribers }
      }),
    )
    const lasts = await Promise.all(
      parties.map(async ({ of, canary, subscribers }) => {
        await untilLive(of, subscribers)
        let last = 0
        for (let index = 0; index < 40; index += 1) last = await append(of, { canary, index })
        await untilReceived(subscribers, last)
        return last
      }),
    )
    for (const [index, { canary, subscribers }] of parties.entries()) {
      expectContiguous(subscribers, lasts[index] ?? 0)
      const others = parties.filter((each) => each.canary !== canary)
      const tails = new Set(subscribers.map(({ results }) => results.slice(-40).join()))
      expect(tails.size).toBe(1)
      for (const tail of tails) {
        expect(tail.split(canary)).toHaveLength(41)
        for (const other of others) expect(tail).not.toContain(other.canary)
      }
      for (const { results } of subscribers)
        for (const other of others) expect(results.join()).not.toContain(other.canary)
    }
  })

  it('lets subscribers join anywhere under concurrent commits, without a gap or a duplicate', async () => {
    const first = await append(tenant)
    const subscribers: Promise<readonly TestSubscriber[]>[] = []
    const starts: number[] = []
    const join = (after: number) => {
      const payload = { query, variables: { after } }
      starts.push(after, after, after)
      subscribers.push(
        Promise.all([byWebSocket(tenant.key, [payload, payload]), byStream(tenant.key, payload)]).then(
          ([sockets, stream]) => [...sockets, stream],
        ),
      )
    }
    join(0)
    let last = 0
    const writing = Array.from({ length: 4 }, async (_, writer) => {
      for (let index = 0; index < 60; index += 1) {
        const sequence = await append(tenant)
        last = Math.max(last, sequence)
        if (index % 15 === writer) join(index % 2 === 0 ? sequence : first)
      }
    })
    await Promise.all(writing)
    const all = (await Promise.all(subscribers)).flat()
    await untilReceived(all, last)
    for (const [index, each] of all.entries())
      expect(sequencesOf(each)).toEqual(range((starts[index] ?? 0) + 1, last))
  })

  it('does not repeat an event to a subscriber that resumes from it while others still wait for it', async () => {
    const { planId } = await createDraft(tenant, [])
    const [, id = ''] = Buffer.from(planId, 'base64url').toString().split(':')
    const withPlan = 'subscription ($after: SafeInt) { events(after: $after) { sequence plan { name } } }'
    const first = await byStream(tenant.key, { query: withPlan })
    await untilLive(tenant, [first])
    const { pool } = database.owner
    const locking = await pool.connect()
    await locking.query('begin')
    await locking.query('lock table reelpilot.plan in access exclusive mode')
    const { organizationId } = tenant
    const after = await database.runtime.db
      .transaction()
      .execute((tx) => appendEvent(tx, { organizationId, type: 'plan.test', planId: id }))
    notify(organizationId)
    await waitUntil(
      async () => {
        const { rowCount } = await pool.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        return rowCount
      },
      (count) => count === 1,
    )
    const second = await byStream(tenant.key, { query: withPlan, variables: { after } })
    await locking.query('commit')
    locking.release()
    const last = await append(tenant)
    await untilReceived([first, second], last)
    expect(sequencesOf(second)).toEqual([last])
    expectContiguous([first], last)
  })

  it('ends for the subscribers of a revoked key, and continues for those of another', async () => {
    const fresh = await createKey(database, tenant.organizationId, ['read'])
    const other = await createKey(database, tenant.organizationId, ['read'])
    const subscribersOf = async (key: string) => [
      ...(await byWebSocket(key, [{ query }])),
      await byStream(key, { query }),
    ]
    const [revoked, kept] = [await subscribersOf(fresh.key), await subscribersOf(other.key)]
    await untilLive(tenant, [...revoked, ...kept])
    await mutate(tenant, 'revokeApiKey', { apiKeyId: globalId('ApiKey', fresh.keyId) }, 'apiKey { id }')
    const last = await append(tenant, { text: 'after the revocation' })
    await untilReceived(kept, last)
    await waitUntil(
      () => revoked.map((each) => each.ended()),
      (reasons) => reasons.every((reason) => reason !== undefined),
    )
    for (const { results } of revoked) expect(results.join()).not.toContain('after the revocation')
    expect(revoked[1]?.results.at(-1)).toContain('UNAUTHENTICATED')
    expect(revoked[1]?.ended()).toBe('event: complete\ndata:')
    expect(kept.map((each) => each.ended())).toEqual([undefined, undefined])
  })

  it('gives each subscriber an error with the id of its own request', async () => {
    const { planId } = await createDraft(tenant, [])
    const [, id] = Buffer.from(planId, 'base64url').toString().split(':')
    const withPlan = 'subscription {\n  events { sequence plan { name } } }'
    const streams = [
      await byStream(tenant.key, { query: withPlan }),
      await byStream(tenant.key, { query: withPlan.replaceAll('\n', ' ') }),
    ]
    await untilLive(tenant, streams)
    const { pool } = database.owner
    await pool.query('alter table reelpilot.plan rename to gone')
    const { organizationId } = tenant
    await database.runtime.db
      .transaction()
      .execute((tx) => appendEvent(tx, { organizationId, type: 'plan.test', planId: id ?? '' }))
    notify(organizationId)
    await waitUntil(
      () => streams.map(({ results }) => results.at(-1)),
      (lasts) => lasts.every((text) => text?.includes('"errors"')),
    )
    await pool.query('alter table reelpilot.gone rename to plan')
    const [first, second] = streams.map(({ results, requestId }) => {
      const { data, errors } = JSON.parse(results.at(-1) ?? '')
      expect(data.events.plan).toBeNull()
      expect(errors).toMatchObject([
        { path: ['events', 'plan'], extensions: { code: 'INTERNAL', requestId } },
      ])
      return errors[0]
    })
    expect(first.locations).toEqual([{ line: 2, column: 21 }])
    expect(second.locations).toBeUndefined() // The same operation in another text.
  })
})

describe('a subscriber that does not read', () => {
  /** 256 kB, one write and one message, and what the kernel had not yet taken of the last write. */
  const mostBytes = (256 + 64 + 64) * 1_024
  const total = 1_500

  it.each(['WebSocket', 'stream'])(
    'over %s is behind with few bytes, and receives everything later',
    async (way) => {
      const subscribe = async () =>
        way === 'stream'
          ? [await byStream(tenant.key, { query })]
          : await byWebSocket(tenant.key, [{ query }])
      const before = new Set(connections)
      const [slow] = await subscribe()
      const [connection] = [...connections].filter((each) => !before.has(each))
      const [quick] = await subscribe()
      if (!slow || !quick || !connection) throw new Error('no connection')
      await untilLive(tenant, [slow, quick])
      slow.pause()
      let most = 0
      let last = 0
      const watching = setInterval(() => {
        most = Math.max(most, connection.writableLength)
      }, 1)
      for (let count = 0; count < total; count += 100) last = await appendMany(tenant, 100, 16_000)
      await untilReceived([quick], last)
      clearInterval(watching)
      expect(most).toBeGreaterThan(0)
      expect(most).toBeLessThan(mostBytes)
      expect(slow.results.length).toBeLessThan(total)
      slow.resume()
      await untilReceived([slow], last)
      expectContiguous([slow, quick], last)
    },
  )
})
