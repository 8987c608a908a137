import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Limiter, WindowRequest } from '../../src/rate-limit/limiter.ts'
import { createMemoryLimiter } from '../../src/rate-limit/memory/memory-limiter.ts'
import { maxLogEntries } from '../../src/rate-limit/memory/windows.ts'
import { shareOfWindow } from '../../src/rate-limit/redis/share.ts'
import { type BucketLevel, consumeTokens } from '../../src/rate-limit/token-bucket.ts'
import { InvalidLimitError } from '../../src/rate-limit/validate.ts'

const organizationId = 'organization'
/** One call in any second, and twenty. The margin is 200 ms, so the grace is 100 ms. */
const narrow: WindowRequest = {
  key: 'narrow',
  scope: 'organization',
  window: { maxCalls: 1, windowMs: 1_000, marginMs: 200 },
}
const wide: WindowRequest = {
  key: 'wide',
  scope: 'organization',
  window: { maxCalls: 20, windowMs: 1_000, marginMs: 200 },
}

function atTime(start = 6_000_000) {
  let now = start
  const limiter = createMemoryLimiter({ now: () => now })
  return {
    limiter,
    start,
    at: (instant: number) => {
      now = instant
    },
    acquire: (requester: string, ...windowRequests: WindowRequest[]) =>
      limiter.acquire({ organizationId, requester, windowRequests }),
  }
}

const viewOf = async (limiter: Limiter, key: string) =>
  (await limiter.windows(organizationId)).find((window) => window.key === key)

describe('a sliding window', () => {
  it('reserves an instant for a deferred requester and gives the same answer until then', async () => {
    const { acquire, at, start } = atTime()
    expect(await acquire('first', narrow)).toMatchObject({ kind: 'granted', usableForMs: 200 })
    const later = { kind: 'deferred', at: start + 1_200, afterMs: 1_200, limitedBy: 'narrow' }
    expect(await acquire('second', narrow)).toEqual(later)
    at(start + 500)
    expect(await acquire('second', narrow)).toEqual({ ...later, afterMs: 700 })
    at(start + 1_250)
    // A requester that comes in between does not get the reservation.
    expect(await acquire('third', narrow)).toMatchObject({ kind: 'deferred', at: start + 2_400 })
    expect(await acquire('second', narrow)).toMatchObject({ kind: 'granted', usableForMs: 150 })
  })

  it('reserves nothing if it must not, and then grants the first requester that comes', async () => {
    let now = 6_000_000
    const limiter = createMemoryLimiter({ now: () => now, canReserve: false })
    const acquire = (requester: string) =>
      limiter.acquire({ organizationId, requester, windowRequests: [narrow] })
    await acquire('first')
    for (const requester of ['second', 'third'])
      expect(await acquire(requester)).toMatchObject({ kind: 'deferred', at: 6_001_200 })
    expect(await viewOf(limiter, 'narrow')).toMatchObject({ used: 1, waiting: [] })
    now += 1_200
    expect(await acquire('third')).toMatchObject({ kind: 'granted' })
    expect(await acquire('second')).toMatchObject({ kind: 'deferred', at: 6_002_400 })
  })

  it('frees a reservation that was not claimed within its grace', async () => {
    const { acquire, at, start } = atTime()
    await acquire('first', narrow)
    await acquire('absent', narrow)
    at(start + 1_301)
    expect((await acquire('second', narrow)).kind).toBe('granted')
    // A requester that comes after its grace is decided anew.
    expect(await acquire('absent', narrow)).toMatchObject({ kind: 'deferred', at: start + 1_300 + 1_200 })
  })

  it('frees a released reservation', async () => {
    const { acquire, limiter } = atTime()
    const grant = await acquire('first', narrow)
    if (grant.kind !== 'granted') throw new Error('full')
    await limiter.release(organizationId, grant.reservations)
    expect((await acquire('second', narrow)).kind).toBe('granted')
  })

  it('grants a request in all windows or in none', async () => {
    const { acquire, limiter, start, at } = atTime()
    await acquire('first', narrow)
    expect(await acquire('second', wide, narrow)).toMatchObject({ at: start + 1_200, limitedBy: 'narrow' })
    expect(await viewOf(limiter, 'wide')).toMatchObject({ used: 0, waiting: [{ requester: 'second' }] })
    at(start + 1_200)
    expect((await acquire('second', wide, narrow)).kind).toBe('granted')
    expect(await viewOf(limiter, 'wide')).toMatchObject({ used: 1, waiting: [] })
  })

  it('lists its usage and the requesters that wait', async () => {
    const { acquire, limiter, start } = atTime()
    for (const requester of ['a', 'c', 'b']) await acquire(requester, narrow)
    expect(await viewOf(limiter, 'narrow')).toEqual({
      key: 'narrow',
      window: narrow.window,
      used: 1,
      nextFreeAt: start + 3_600,
      waiting: [
        { requester: 'c', at: start + 1_200 },
        { requester: 'b', at: start + 2_400 },
      ],
    })
  })

  it('defers a requester without a reservation once its log is full', async () => {
    const { acquire, limiter } = atTime()
    for (let job = 0; job < maxLogEntries; job += 1) await acquire(`job ${job}`, narrow)
    const last = await viewOf(limiter, 'narrow')
    expect(await acquire('one more', narrow)).toMatchObject({ kind: 'deferred', at: last?.nextFreeAt })
    expect(await viewOf(limiter, 'narrow')).toEqual(last)
  })

  it('is separate for each organization', async () => {
    const { acquire, limiter } = atTime()
    await acquire('first', narrow)
    const grant = await limiter.acquire({
      organizationId: 'another',
      requester: 'first',
      windowRequests: [narrow],
    })
    expect(grant.kind).toBe('granted')
  })
})

describe('a token bucket', () => {
  it('neither creates nor loses a token', () => {
    const bucket = { capacity: 50, refillPerSecond: 10 }
    const requests = fc.array(fc.tuple(fc.nat(3_000), fc.integer({ min: 1, max: 50 })), { maxLength: 60 })
    fc.assert(
      fc.property(requests, (wanted) => {
        let level: BucketLevel | undefined
        let thousandths = 50_000 // Ten tokens a second are ten of these a millisecond.
        let now = 6_000_000
        for (const [pause, cost] of wanted) {
          now += pause
          thousandths = Math.min(50_000, thousandths + pause * 10)
          const result = consumeTokens(level, bucket, cost, now)
          expect(result.isConsumed).toBe(thousandths >= cost * 1_000)
          if (result.isConsumed) thousandths -= cost * 1_000
          else {
            // `afterMs` is exactly when there are enough tokens.
            expect(thousandths + result.afterMs * 10).toBeGreaterThanOrEqual(cost * 1_000)
            expect(thousandths + (result.afterMs - 1) * 10).toBeLessThan(cost * 1_000)
          }
          expect(result.level).toEqual({ thousandths, at: now })
          level = result.level
        }
      }),
    )
  })

  it('is not refilled by a clock that is set back', async () => {
    const { limiter, at, start } = atTime()
    const consume = () =>
      limiter.consume({
        organizationId,
        key: 'bucket',
        bucket: { capacity: 5, refillPerSecond: 1 },
        cost: 5,
      })
    expect(await consume()).toEqual({ kind: 'consumed', remaining: 0 })
    at(start - 60_000)
    expect(await consume()).toEqual({ kind: 'deferred', remaining: 0, afterMs: 65_000 })
    at(start + 5_000)
    expect(await consume()).toEqual({ kind: 'consumed', remaining: 0 })
  })
})

describe('an invalid limit', () => {
  const windows = [
    { maxCalls: 0, windowMs: 1_000, marginMs: 100 },
    { maxCalls: -1, windowMs: 1_000, marginMs: 100 },
    { maxCalls: 1.5, windowMs: 1_000, marginMs: 100 },
    { maxCalls: Number.NaN, windowMs: 1_000, marginMs: 100 },
    { maxCalls: 1, windowMs: 0, marginMs: 100 },
    { maxCalls: 1, windowMs: 1_000, marginMs: 9 },
    { maxCalls: 1, windowMs: 1_000, marginMs: 1_001 },
    { maxCalls: 1, windowMs: 1e12, marginMs: 100 },
  ]
  it.for(windows)('is rejected as a window: %o', async (window) => {
    const { acquire, limiter } = atTime()
    await expect(acquire('requester', { ...narrow, window })).rejects.toThrow(InvalidLimitError)
    expect(await limiter.windows(organizationId)).toEqual([])
  })

  it('is rejected as a request, with every problem listed', async () => {
    const { limiter } = atTime()
    const app = { ...narrow, scope: 'app' as const }
    const requester = 'h'.repeat(256)
    await expect(limiter.acquire({ organizationId, requester, windowRequests: [] })).rejects.toThrow(
      'requester must have 1 to 200 characters; there must be 1 to 8 window requests',
    )
    const windowRequests = [app, { ...app, key: 'k'.repeat(256) }, app]
    await expect(limiter.acquire({ organizationId, requester: '', windowRequests })).rejects.toThrow(
      'requester must have 1 to 200 characters; key must have 1 to 200 characters; each key must be requested once; only one window request may have the scope app',
    )
  })

  it.for([
    { capacity: 0, refillPerSecond: 1, cost: 0 },
    { capacity: 10, refillPerSecond: 0, cost: 1 },
    { capacity: 10, refillPerSecond: -1, cost: 1 },
    { capacity: 10, refillPerSecond: 0.5, cost: 1 },
    { capacity: 10, refillPerSecond: 1, cost: 11 },
    { capacity: 10, refillPerSecond: 1, cost: 0.5 },
    { capacity: 10, refillPerSecond: 1, cost: -1 },
  ])('is rejected as a bucket: %o', async ({ cost, ...bucket }) => {
    const { limiter } = atTime()
    const consume = limiter.consume({ organizationId, key: 'bucket', bucket, cost })
    await expect(consume).rejects.toThrow(InvalidLimitError)
  })
})

it('a divided window has shares that add up to its limit and differ by at most one call', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 64 }), (maxCalls, count) => {
      const shares = Array.from({ length: count }, (_, index) =>
        shareOfWindow({ ...narrow.window, maxCalls }, { index, count }),
      )
      expect(shares.reduce((total, share) => total + (share?.maxCalls ?? 0), 0)).toBe(maxCalls)
      const dealt = shares.flatMap((share) => (share ? [share.maxCalls] : []))
      expect(Math.max(...dealt) - Math.min(...dealt)).toBeLessThanOrEqual(1)
    }),
  )
})
