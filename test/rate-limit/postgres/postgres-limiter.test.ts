import { expect, it } from 'vitest'
import type { WindowRequest } from '../../../src/rate-limit/limiter.ts'
import { createPostgresLimiter } from '../../../src/rate-limit/postgres/postgres-limiter.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'

const database = await createTestDatabase()
const window = { maxCalls: 5, windowMs: 60_000, marginMs: 5_000 }
const own = (key: string): WindowRequest => ({ key, scope: 'organization', window })
const runtime = createPostgresLimiter({ db: database.runtime.db, role: 'reelpilot_runtime' })
const api = createPostgresLimiter({ db: database.api.db, role: 'reelpilot_api' })

it("the API's role can use only the limits of its organization", async () => {
  const [mine, other] = [await createOrganization(database), await createOrganization(database)]
  for (const organizationId of [mine, other])
    await runtime.acquire({ organizationId, requester: 'job', windowRequests: [own('reads')] })
  const [first] = await api.windows(mine)
  expect(first).toMatchObject({ key: 'reads', used: 1, window })

  // Concurrent requests of both organizations use their own windows.
  const grants = await Promise.all(
    [mine, other, mine].map((organizationId) =>
      api.acquire({ organizationId, requester: 'request', windowRequests: [own('reads')] }),
    ),
  )
  expect(grants.map(({ kind }) => kind)).toEqual(['granted', 'granted', 'granted'])
  expect(await api.windows(mine)).toMatchObject([{ key: 'reads', used: 3 }])
  expect(await api.windows(other)).toMatchObject([{ key: 'reads', used: 2 }])
})

it("the API's role cannot use shared windows or buckets of no organization", async () => {
  const organizationId = await createOrganization(database)
  const shared: WindowRequest = { key: 'app', scope: 'app', window }
  await runtime.acquire({ organizationId, requester: 'job', windowRequests: [shared] })
  const intrude = api.acquire({ organizationId, requester: 'request', windowRequests: [shared] })
  await expect(intrude).rejects.toThrow(/row-level security|not all of these windows/)
  const bucket = { capacity: 10, refillPerSecond: 1 }
  const consumed = api.consume({ organizationId: null, key: 'address', bucket, cost: 1 })
  await expect(consumed).rejects.toThrow(/row-level security/)
  expect(await runtime.consume({ organizationId: null, key: 'address', bucket, cost: 1 })).toMatchObject({
    remaining: 9,
  })
})

it('concurrent requests in any order of windows never exceed a limit and never deadlock', async () => {
  const organizationId = await createOrganization(database)
  const limiters = Array.from({ length: 4 }, () =>
    createPostgresLimiter({ db: database.runtime.db, role: 'reelpilot_runtime' }),
  )
  const keys = ['a', 'b', 'c', 'd']
  const grants = await Promise.all(
    Array.from({ length: 200 }, (_, index) => {
      const start = index % keys.length
      const windowRequests = [...keys.slice(start), ...keys.slice(0, start)]
        .slice(0, 2 + (index % 3))
        .map(own)
      return (limiters[index % 4] ?? runtime)
        .acquire({ organizationId, requester: `job ${index}`, windowRequests })
        .then((grant) => ({ grant, windowRequests }))
    }),
  )
  for (const key of keys) {
    const granted = grants.filter(
      ({ grant, windowRequests }) =>
        grant.kind === 'granted' && windowRequests.some((windowRequest) => windowRequest.key === key),
    )
    expect(granted.length).toBeLessThanOrEqual(window.maxCalls)
  }
  // Every other request has a reservation.
  const waiting = (await runtime.windows(organizationId)).reduce(
    (total, view) => total + view.waiting.length,
    0,
  )
  const deferred = grants
    .filter(({ grant }) => grant.kind === 'deferred')
    .flatMap(({ windowRequests }) => windowRequests)
  expect(waiting).toBe(deferred.length)
  expect(grants.filter(({ grant }) => grant.kind === 'granted').length).toBeGreaterThan(0)
})

it('concurrent requests consume exactly the tokens of a bucket', async () => {
  const organizationId = await createOrganization(database)
  const now = () => 1_800_000_000_000
  const limiters = Array.from({ length: 4 }, () =>
    createPostgresLimiter({ db: database.runtime.db, role: 'reelpilot_runtime', now }),
  )
  const bucket = { capacity: 50, refillPerSecond: 1 }
  const results = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      (limiters[index % 4] ?? runtime).consume({ organizationId, key: 'key', bucket, cost: 3 }),
    ),
  )
  expect(results.filter(({ kind }) => kind === 'consumed')).toHaveLength(16)
  const refused = results.filter(({ kind }) => kind !== 'consumed')
  expect(refused.every((tokens) => tokens.kind === 'deferred' && tokens.remaining === 2)).toBe(true)
})
