import { createClient } from 'graphql-ws'
import { pino } from 'pino'
import { beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { startLimiter } from '../../../src/rate-limit/start-limiter.ts'
import { Secret } from '../../../src/secret.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { freePort } from '../../support/free-port.ts'
import { waitUntil } from '../../support/wait.ts'
import { clientFor, createKey, createTenant, createTestApi, type Tenant, type TestApi } from '../support.ts'

/** So few that an empty bucket stays empty during a test. */
const apiBucket = { capacity: 100, refillPerSecond: 1 }

let database: TestDatabase
let api: TestApi
let second: TestApi
let address: string
let tenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database, { apiBucket })
  second = await createTestApi(database, { apiBucket })
  address = await api.listen(0, '127.0.0.1')
  tenant = await createTenant(database, api)
})

/** A new key of the same organization, with a full bucket. */
async function newKey(through: TestApi = api) {
  const { organizationId, accountId } = tenant
  const created = await createKey(database, organizationId, ['read', 'write', 'admin'])
  return { ...created, ...clientFor(through, organizationId, accountId, created.key) }
}

/** Costs more than the capacity of the bucket, and so empties it. */
const costly =
  'query Costly($n: Int!) { plans(first: $n) { nodes { slots(first: 40) { nodes { id caption job { id state } } } } } }'
const empty = (key: Pick<Tenant, 'post'>) => key.post(costly, { n: 40 })

/** A mutation that costs more than the bucket regains during a test. */
const create = `mutation ($input: CreatePlanInput!) { createPlan(input: $input) { ... on CreatePlanPayload {
  plan { slots(first: 100) { nodes { id state: caption job { id state tag } } } } } ... on Error { code } } }`
const planned = async () => {
  const { rows } = await database.owner.pool.query(
    'select count(*)::int as plans from reelpilot.plan where organization_id = $1',
    [tenant.organizationId],
  )
  return rows[0].plans
}

const limits = ({ headers }: Response) =>
  ['limit', 'remaining', 'reset'].map((name) => {
    const value = headers.get(`ratelimit-${name}`)
    return value === null ? null : Number(value)
  })

describe('an API key', () => {
  it('gets the RateLimit headers with every response', async () => {
    const key = await newKey()
    const answered = await key.post(costly, { n: 1 })
    const [limit, remaining = null, reset] = limits(answered)
    expect([answered.status, limit]).toEqual([200, 100])
    expect(remaining).toBeLessThan(100)
    expect(reset).toBe(100 - (remaining ?? 0)) // It regains a point a second.
    expect(answered.headers.get('retry-after')).toBeNull()
    expect(answered.headers.get('access-control-expose-headers')).toBeNull()
    const crossed = await key.post('{ __typename }', {}, { origin: 'https://elsewhere.test' })
    for (const name of ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'retry-after'])
      expect(crossed.headers.get('access-control-expose-headers')).toContain(name)
  })

  it.each([
    ['does not parse', 200, (key: Tenant) => key.post('{ nonsense')],
    ['is not valid', 200, (key: Tenant) => key.post('{ nonsense }')],
    [
      'is not JSON',
      400,
      (key: Tenant) =>
        api.fetch(
          new Request('http://api.test/graphql', {
            method: 'POST',
            headers: { authorization: `Bearer ${key.key}`, 'content-type': 'application/json' },
            body: '{',
          }),
        ),
    ],
  ])('pays one point for a request that %s', async (_name, status, send) => {
    const answered = await send((await newKey()) as Tenant)
    expect([answered.status, ...limits(answered)]).toEqual([status, 100, 99, 1])
  })

  it('gets 429 with Retry-After if its points do not cover the cost, and the operation does not run', async () => {
    const key = await newKey()
    const before = await planned()
    expect(limits(await empty(key))).toEqual([100, 0, 100])

    const refused = await key.post(create, {
      input: { accountId: key.ids.account, name: 'Never', timeZone: 'UTC' },
    })
    const retryAfter = Number(refused.headers.get('retry-after'))
    expect(refused.status).toBe(429)
    expect(retryAfter).toBeGreaterThan(10)
    expect(await refused.json()).toEqual({
      errors: [
        {
          message: expect.stringContaining('too few points left'),
          extensions: {
            code: 'RATE_LIMITED',
            retryAfterSeconds: retryAfter,
            requestId: refused.headers.get('x-request-id'),
          },
        },
      ],
    })
    expect(await planned()).toBe(before)
    // Invalid requests are also refused without a point left.
    const broke = await createTestApi(database, { apiBucket: { capacity: 1, refillPerSecond: 1 } })
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => clientFor(broke, '', '', key.key).post('{ nonsense')),
    )
    expect(answers.map(({ status }) => status)).toContain(429)
  })

  it('has a bucket of its own: an empty one does not affect other keys', async () => {
    const [one, other] = [await newKey(), await newKey()]
    await empty(one)
    expect((await empty(one)).status).toBe(429)
    expect((await other.post('{ __typename }')).status).toBe(200)
    const otherTenant = await createTenant(database, api)
    expect((await otherTenant.post('{ __typename }')).status).toBe(200)
  })

  it('shares its bucket among all servers', async () => {
    const here = await newKey()
    const there = clientFor(second, tenant.organizationId, tenant.accountId, here.key)
    await empty(here)
    expect((await empty(there)).status).toBe(429)
  })

  it('can query its remaining points', async () => {
    const key = await newKey()
    const response = await key.post('{ rateLimits { apiKey { limit refillPerSecond remaining resetsAt } } }')
    const [, remaining] = limits(response)
    const { data } = (await response.json()) as { data: { rateLimits: { apiKey: { resetsAt: string } } } }
    expect(data.rateLimits.apiKey).toMatchObject({ limit: 100, refillPerSecond: 1, remaining })
    expect(Date.parse(data.rateLimits.apiKey.resetsAt)).toBeGreaterThan(Date.now() - 60_000)
  })
})

describe('a subscription', () => {
  it('over SSE is charged once at its start, or refused', async () => {
    const key = await newKey()
    const follow = () =>
      fetch(`${address}/graphql`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key.key}`,
          'content-type': 'application/json',
          accept: 'text/event-stream',
        },
        body: JSON.stringify({
          query: 'subscription { events(after: 0) { sequence plan { slots(first: 100) { nodes { id } } } } }',
        }),
      })
    const begun = await follow()
    const [, remaining] = limits(begun)
    expect([begun.status, remaining]).toEqual([200, expect.any(Number)])
    await begun.body?.cancel()
    await empty(key)
    await waitUntil(follow, ({ status }) => status === 429)
  })

  it('over WebSocket is refused with the same error, and the socket stays open', async () => {
    const key = await newKey()
    const client = createClient({
      url: `${address.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { apiKey: key.key },
      retryAttempts: 0,
    })
    const request = (query: string) => client.iterate({ query }).next()
    expect((await request('{ rateLimits { apiKey { remaining } } }')).value).toEqual({
      data: { rateLimits: { apiKey: { remaining: 99 } } },
    })
    await expect(request('{ nonsense }')).rejects.toMatchObject([
      { extensions: { requestId: expect.any(String) } },
    ])
    const half = '{ jobs(first: 90) { nodes { id state tag slot { id caption } } } }'
    for (const _ of [1, 2]) await request(half)
    const refusal = [
      {
        message: expect.stringContaining('too few points left'),
        extensions: {
          code: 'RATE_LIMITED',
          retryAfterSeconds: expect.any(Number),
          requestId: expect.any(String),
        },
      },
    ]
    await expect(request(half)).rejects.toEqual(refusal)
    const following = 'subscription { events { plan { slots(first: 100) { nodes { id caption } } } } }'
    await expect(request(following)).rejects.toEqual(refusal)
    expect((await request('{ __typename }')).value).toEqual({ data: { __typename: 'Query' } })
    await client.dispose()
  })
})

describe('while the limiter is unavailable', () => {
  it('authenticated requests are allowed, and the cause is logged', async () => {
    const broken = await createTestDatabase()
    const lines: string[] = []
    const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
    const someone = await createTenant(broken, await createTestApi(broken, { log }))
    await broken.owner.pool.query('alter table reelpilot.rate_bucket rename to gone')
    const answered = await someone.post('{ rateLimits { apiKey { remaining } } }')
    expect([answered.status, ...limits(answered)]).toEqual([200, null, null, null])
    expect(await answered.json()).toEqual({ data: { rateLimits: { apiKey: { remaining: null } } } })
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { requestId: answered.headers.get('x-request-id'), err: { message: expect.any(String) } },
    ])
  })

  it('the process uses its share in memory and reports that it is degraded', async () => {
    const ownDatabase = await createTestDatabase()
    const limiter = await startLimiter({
      db: ownDatabase.api.db,
      role: 'reelpilot_api',
      redisUrl: new Secret(`redis://:canary@127.0.0.1:${await freePort()}`),
      onError: () => undefined,
      // Longer than everything up to the first request: until then it does not know its share.
      leaseMs: 5_000,
    })
    const own = await createTestApi(ownDatabase, { limiter })
    const base = await own.listen(0, '127.0.0.1')
    const someone = await createTenant(ownDatabase, own)
    const request = () =>
      someone.post(
        '{ rateLimitStore { kind reason shareCount } rateLimits { windows { name used remaining } } }',
      )
    const first = await request()
    expect([first.status, ...limits(first)]).toEqual([200, null, null, null])
    const store = { kind: 'MEMORY', shareCount: 1, reason: expect.stringContaining('Redis is unreachable') }
    const unknown = { used: null, remaining: null }
    expect(await first.json()).toEqual({
      data: {
        rateLimitStore: store,
        rateLimits: {
          windows: [
            { name: 'UPLOADS', ...unknown },
            { name: 'READS', ...unknown },
          ],
        },
      },
    })
    const ready = await fetch(`${base}/readyz`)
    const text = await ready.text()
    expect(ready.status).toBe(200)
    expect(JSON.parse(text)).toMatchObject({
      ok: true,
      degraded: true,
      limits: { store: 'memory', shares: 1 },
    })
    expect(text).not.toContain('canary')
    const counted = await waitUntil(request, (response) => response.headers.has('ratelimit-limit'))
    expect(limits(counted)[0]).toBe(1_000)
    await own.close()
    await limiter.stop()
  })
})
