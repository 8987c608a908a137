import { beforeAll, describe, expect, it } from 'vitest'
import type { AcquireResult } from '../../../../src/rate-limit/limiter.ts'
import { createPostgresLimiter } from '../../../../src/rate-limit/postgres/postgres-limiter.ts'
import { createLimitSettingsCache } from '../../../../src/tiktok-policy/limit-settings.ts'
import { windowRequestsFor } from '../../../../src/tiktok-policy/rate-limits.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import {
  type Answer,
  createRunningPlan,
  createTenant,
  createTestApi,
  globalId,
  type Tenant,
} from '../../support.ts'

const database: TestDatabase = await createTestDatabase()
const limiter = createPostgresLimiter({ db: database.runtime.db, role: 'reelpilot_runtime' })
const settings = createLimitSettingsCache(database.runtime.db)
const api = await createTestApi(database, { limitSettings: settings })
let tenant: Tenant

beforeAll(async () => {
  tenant = await createTenant(database, api)
})

const allWindows = `{ rateLimits { windows {
  name description account { id } limit origin learnedUntil windowSeconds used remaining nextAvailableAt
  waitingCount waiting { expectedAt job { id state } account { id } } } } }`
const windowsOf = async (who: Tenant): Promise<Answer[]> => (await who.request(allWindows)).rateLimits.windows
const windowOf = async (who: Tenant, name: string) =>
  (await windowsOf(who)).find((window) => window.name === name)

/** Acquires a call, as a worker does before it calls TikTok. */
async function acquire(
  who: Tenant,
  endpoint: Parameters<typeof windowRequestsFor>[0],
  requester: string,
): Promise<AcquireResult> {
  const { organizationId, accountId } = who
  const windowRequests = windowRequestsFor(
    endpoint,
    { organizationId, accountId },
    await settings.read(organizationId),
  )
  return await limiter.acquire({ organizationId, requester, windowRequests })
}

async function set(who: Tenant, name: string, limit: number | null, more: object = {}): Promise<Answer> {
  const answer = await who.request(
    `mutation ($input: SetRateLimitInput!) { setRateLimit(input: $input) {
       ... on SetRateLimitPayload { setting { name limit isDefault defaultLimit } }
       ... on Error { code } ... on InvalidInputError { fields { path message } } } }`,
    { input: { name, limit, ...more } },
  )
  return answer.setRateLimit
}

describe('rate limit windows', () => {
  it('of an organization are shown before their first use, with the limits that it can set', async () => {
    const fresh = await createTenant(database, api)
    const own = { account: null, origin: 'DEFAULT', windowSeconds: 60, used: 0, waitingCount: 0, waiting: [] }
    expect(await windowsOf(fresh)).toMatchObject([
      { ...own, name: 'UPLOADS', limit: 10, remaining: 10, nextAvailableAt: null },
      { ...own, name: 'READS', limit: 100, remaining: 100, nextAvailableAt: null },
    ])
    expect(await fresh.request('{ rateLimits { settings { name limit isDefault defaultLimit } } }')).toEqual({
      rateLimits: {
        settings: [
          { name: 'UPLOADS', limit: 10, isDefault: true, defaultLimit: 10 },
          { name: 'READS', limit: 100, isDefault: true, defaultLimit: 100 },
          { name: 'POSTS', limit: 15, isDefault: true, defaultLimit: 15 },
        ],
      },
    })
    expect(await fresh.request('{ rateLimitStore { kind changedAt reason shareCount } }')).toEqual({
      rateLimitStore: {
        kind: 'POSTGRES',
        changedAt: expect.any(String),
        reason: 'no Redis is configured',
        shareCount: 1,
      },
    })
  })

  it('show their usage, and until when which jobs and accounts wait', async () => {
    await set(tenant, 'UPLOADS', 2)
    await createRunningPlan(tenant, [60, 70, 80, 90])
    const { jobs } = await tenant.request('{ jobs { nodes { id } } }')
    const jobIds: string[] = jobs.nodes.map(({ id }: { id: string }) => id)
    const bare = (id: string) => Buffer.from(id, 'base64url').toString().split(':')[1] ?? ''
    const grants: AcquireResult[] = []
    for (const id of jobIds) grants.push(await acquire(tenant, 'videoInit', bare(id)))
    expect(grants.map(({ kind }) => kind)).toEqual(['granted', 'granted', 'deferred', 'deferred'])

    const expectedAt = grants.flatMap((grant) =>
      grant.kind === 'deferred' ? [new Date(grant.at).toISOString()] : [],
    )
    const uploads = await windowOf(tenant, 'UPLOADS')
    expect(uploads).toMatchObject({ limit: 2, origin: 'CONFIGURED', used: 2, remaining: 0, waitingCount: 2 })
    expect(uploads.waiting).toHaveLength(2)
    expect(uploads.waiting).toEqual(
      expect.arrayContaining([
        { expectedAt: expectedAt[0], job: { id: jobIds[2], state: 'queued' }, account: null },
        { expectedAt: expectedAt[1], job: { id: jobIds[3], state: 'queued' }, account: null },
      ]),
    )
    expect(Date.parse(uploads.nextAvailableAt)).toBeGreaterThan(Date.parse(expectedAt[1] ?? ''))
    expect(await windowOf(tenant, 'POSTS')).toMatchObject({
      account: { id: tenant.ids.account },
      limit: 15,
      origin: 'DEFAULT',
      windowSeconds: 86_400,
      used: 2,
      waitingCount: 2,
    })
    expect(await windowOf(tenant, 'INITS')).toMatchObject({
      limit: 6,
      origin: 'FIXED',
      used: 2,
      remaining: 4,
    })

    await set(tenant, 'READS', 1)
    await acquire(tenant, 'creatorInfo', bare(jobIds[0] ?? ''))
    await acquire(tenant, 'creatorInfo', tenant.accountId)
    expect((await windowOf(tenant, 'READS')).waiting).toEqual([
      { expectedAt: expect.any(String), job: null, account: { id: tenant.ids.account } },
    ])
  })

  it('show a daily cap that was learned from TikTok, and until when it applies', async () => {
    const own = await createTenant(database, api)
    await acquire(own, 'videoInit', own.accountId)
    await settings.learnCap(own, 3)
    const posts = await windowOf(own, 'POSTS')
    expect(posts).toMatchObject({ limit: 3, origin: 'LEARNED', used: 1, remaining: 2, nextAvailableAt: null })
    expect(Date.parse(posts.learnedUntil)).toBeGreaterThan(Date.now() + 6 * 86_400_000)
    await set(own, 'POSTS', 2)
    expect(await windowOf(own, 'POSTS')).toMatchObject({ limit: 2, origin: 'CONFIGURED', learnedUntil: null })
    const [, , day] = windowRequestsFor('videoInit', own, await settings.read(own.organizationId))
    expect(day?.window.maxCalls).toBe(2)
  })

  it('are shown to their own organization only', async () => {
    const otherTenant = await createTenant(database, api)
    expect(await windowsOf(otherTenant)).toMatchObject([
      { name: 'UPLOADS', limit: 10, origin: 'DEFAULT', used: 0, waitingCount: 0 },
      { name: 'READS', limit: 100, origin: 'DEFAULT', used: 0, waitingCount: 0 },
    ])
    expect(JSON.stringify(await windowsOf(tenant))).toContain(globalId('Account', tenant.accountId))
  })
})

describe('setRateLimit', () => {
  const setEvents = async (who: Tenant) => {
    const { events } = await who.request('{ events(last: 100) { nodes { type payload } } }')
    return events.nodes
      .filter(({ type }: { type: string }) => type === 'rateLimit.changed')
      .map(({ payload }: { payload: object }) => payload)
  }

  it('sets and resets a limit, applies at once in its own process, and appends an event', async () => {
    const own = await createTenant(database, api)
    expect((await settings.read(own.organizationId)).set).toEqual({})
    expect(await set(own, 'UPLOADS', 5)).toEqual({
      setting: { name: 'UPLOADS', limit: 5, isDefault: false, defaultLimit: 10 },
    })
    expect((await settings.read(own.organizationId)).set).toEqual({ uploads: 5 })
    await set(own, 'UPLOADS', 10_000)
    expect(await set(own, 'UPLOADS', null)).toEqual({
      setting: { name: 'UPLOADS', limit: 10, isDefault: true, defaultLimit: 10 },
    })
    expect((await settings.read(own.organizationId)).set).toEqual({})
    expect(await setEvents(own)).toEqual([
      { name: 'uploads', from: null, to: 5 },
      { name: 'uploads', from: 5, to: 10_000 },
      { name: 'uploads', from: 10_000, to: null },
    ])
  })

  it('sets a limit once for a repeated idempotency key', async () => {
    const own = await createTenant(database, api)
    const first = await set(own, 'READS', 7, { idempotencyKey: 'once' })
    expect(await set(own, 'READS', 7, { idempotencyKey: 'once' })).toEqual(first)
    expect(await setEvents(own)).toHaveLength(1)
    expect(await set(own, 'READS', 8, { idempotencyKey: 'once' })).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    })
  })

  it.each([0, -1, 10_001])('returns a typed error and changes nothing for the limit %i', async (limit) => {
    const own = await createTenant(database, api)
    expect(await set(own, 'POSTS', limit)).toEqual({
      code: 'INVALID_INPUT',
      fields: [{ path: 'limit', message: 'must be a whole number from 1 to 10000' }],
    })
    expect((await settings.read(own.organizationId)).set).toEqual({})
    expect(await setEvents(own)).toEqual([])
  })

  it.each([
    ['a fraction', { name: 'READS', limit: 1.5 }, 'limit'],
    ['a window that cannot be set', { name: 'INITS', limit: 5 }, 'name'],
  ])('refuses %s', async (_name, input, named) => {
    const response = await tenant.post(
      'mutation ($input: SetRateLimitInput!) { setRateLimit(input: $input) { ... on Error { code } } }',
      { input },
    )
    expect(await response.json()).toMatchObject({
      errors: [{ message: expect.stringContaining(named), extensions: { code: expect.any(String) } }],
    })
  })

  it('requires the admin scope', async () => {
    const writer = await createTenant(database, api, ['write'])
    const response = await writer.post(
      'mutation { setRateLimit(input: { name: READS, limit: 5 }) { ... on Error { code } } }',
    )
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] })
    expect((await windowOf(writer, 'READS')).limit).toBe(100)
  })
})

describe('a job that our own limits defer', () => {
  it.each([
    ['rateLimit', 'RATE_LIMIT'],
    ['circuitOpen', 'CIRCUIT_BREAKER'],
    ['retryBudget', 'RETRY_BUDGET'],
  ])('shows what defers it and when it goes on: %s', async (code, deferredBy) => {
    const own = await createTenant(database, api)
    await createRunningPlan(own, [60])
    const dueAt = Date.now() + 45_000
    const failure = { verdict: 'RETRY_AFTER', code, message: 'Not yet.', source: 'reelpilot' }
    await database.owner.pool.query(
      `update reelpilot.machine_instance set state = 'publishing.deferred', tag = 'waiting', step = null,
              timers = $1::jsonb, context = context || $2::jsonb
        where organization_id = $3 and machine = 'job'`,
      [
        JSON.stringify({ backoff: { event: { type: 'wake' }, dueAt } }),
        JSON.stringify({ failure }),
        own.organizationId,
      ],
    )
    const { jobs } = await own.request(
      '{ jobs { nodes { id deferredBy waitingUntil failure { code nextStep } } } }',
    )
    expect(jobs.nodes).toMatchObject([
      {
        deferredBy,
        waitingUntil: new Date(dueAt).toISOString(),
        failure: { code, nextStep: expect.stringContaining('No action needed') },
      },
    ])
    await database.owner.pool.query(
      `update reelpilot.machine_instance set state = 'paused', tag = 'resting', timers = '{}', wake_at = null
        where organization_id = $1 and machine = 'job'`,
      [own.organizationId],
    )
    expect(await own.request('{ jobs { nodes { deferredBy } } }')).toEqual({
      jobs: { nodes: [{ deferredBy: null }] },
    })
  })
})
