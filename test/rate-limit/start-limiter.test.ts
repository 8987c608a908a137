import { randomUUID } from 'node:crypto'
import { afterAll, expect, it } from 'vitest'
import type { Limiter, WindowRequest } from '../../src/rate-limit/limiter.ts'
import { createMemoryLimiter } from '../../src/rate-limit/memory/memory-limiter.ts'
import { splitByLength, startLimiter } from '../../src/rate-limit/start-limiter.ts'
import { Secret } from '../../src/secret.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { startRedis } from '../support/redis-process.ts'
import { waitUntil } from '../support/wait.ts'

const database = await createTestDatabase()
const redis = await startRedis()
afterAll(() => redis?.close())

const windowRequest = (key: string, maxCalls: number, windowMs: number): WindowRequest => ({
  key,
  scope: 'organization',
  window: { maxCalls, windowMs, marginMs: 200 },
})
const minute = windowRequest('inits', 2, 600)
const hourly = windowRequest('hourly', 2, 3_600_000)
const day = windowRequest('posts', 1, 86_400_000)
const used = async (limiter: Limiter, organizationId: string) =>
  (await limiter.windows(organizationId)).map((view) => [view.key, view.used])

it('a limiter with two stores releases the reservation in a short window if the long window is full', async () => {
  const [short, long] = [createMemoryLimiter(), createMemoryLimiter()]
  const limiter = splitByLength(short, long)
  const acquire = (requester: string) =>
    limiter.acquire({ organizationId: 'one', requester, windowRequests: [day, minute] })
  const refused = await acquire('refused')
  if (refused.kind === 'granted') await limiter.release('one', refused.reservations)
  const grant = await acquire('first')
  expect(grant).toMatchObject({ kind: 'granted', reservations: [{ key: 'posts' }, { key: 'inits' }] })
  expect(await acquire('second')).toMatchObject({ kind: 'deferred', limitedBy: 'posts' })
  expect(await used(short, 'one')).toEqual([['inits', 1]])
  expect(await used(long, 'one')).toEqual([['posts', 1]])
  expect(await used(limiter, 'one')).toEqual([
    ['inits', 1],
    ['posts', 1],
  ])
})

it('all limits are in Postgres if no Redis is configured', async () => {
  const organizationId = await createOrganization(database)
  const options = { db: database.runtime.db, role: 'reelpilot_runtime', onError: () => undefined } as const
  const limiter = await startLimiter(options)
  expect(limiter.health()).toMatchObject({ store: 'postgres', shares: 1 })
  const grant = await limiter.acquire({ organizationId, requester: 'job', windowRequests: [day, minute] })
  expect(grant.kind).toBe('granted')
  await limiter.stop()
})

it('a limiter with Redis starts with full windows there and keeps day-long windows in Postgres', async ({
  skip,
}) => {
  if (!redis) return skip('needs redis-server')
  const organizationId = await createOrganization(database)
  const limiter = await startLimiter({
    db: database.runtime.db,
    role: 'reelpilot_runtime',
    redisUrl: new Secret(redis.url),
    onError: () => undefined,
    leaseMs: 1_000,
  })
  expect(limiter.health()).toMatchObject({ store: 'redis', reason: 'all processes reach Redis' })
  const acquire = () => limiter.acquire({ organizationId, requester: 'job', windowRequests: [minute, day] })
  // The previous store may have granted a full window.
  expect(await acquire()).toMatchObject({ kind: 'deferred', limitedBy: 'inits' })
  await waitUntil(acquire, ({ kind }) => kind === 'granted')
  expect(await used(limiter, organizationId)).toEqual([
    ['inits', 1],
    ['posts', 1],
  ])
  const bucket = { capacity: 10, refillPerSecond: 10 }
  await waitUntil(
    () => limiter.consume({ organizationId, key: 'key', bucket, cost: 10 }),
    ({ kind }) => kind === 'consumed',
  )
  await limiter.stop()
  expect(limiter.health()).toMatchObject({ store: 'none' })
  expect(await acquire()).toMatchObject({ kind: 'deferred', limitedBy: 'store' })
})

it('a limiter reports each outage of Redis once, however often it retries', async ({ skip }) => {
  if (!redis) return skip('needs redis-server')
  const errors: unknown[] = []
  const limiter = await startLimiter({
    db: database.runtime.db,
    role: 'reelpilot_runtime',
    redisUrl: new Secret(redis.url),
    onError: (error) => errors.push(error),
    leaseMs: 400,
  })
  const untilStore = (wanted: string) =>
    waitUntil(
      () => limiter.health().store,
      (store) => store === wanted,
    )
  for (const outages of [1, 2]) {
    await untilStore('redis')
    await redis.kill()
    await untilStore('memory')
    expect(errors).toHaveLength(outages)
    // At most 10 s, however late the next free instant is: Redis may come back, or another process may have capacity.
    const deferred = await limiter.acquire({
      organizationId: randomUUID(),
      requester: 'job',
      windowRequests: [hourly],
    })
    expect(deferred).toMatchObject({ kind: 'deferred', limitedBy: 'hourly' })
    expect(deferred.kind === 'deferred' && deferred.afterMs).toBeLessThanOrEqual(10_000)
    await redis.start()
  }
  await untilStore('redis')
  expect(errors).toHaveLength(2)
  await limiter.stop()
})
