import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMemoryLimiter } from '../../src/rate-limit/memory/memory-limiter.ts'
import { PointLease } from '../../src/rate-limit/point-lease.ts'
import type { Bucket } from '../../src/rate-limit/token-bucket.ts'

/** A shared bucket on a clock of its own, and processes that lease from it. */
function shared(bucket: Bucket) {
  let now = 1_000_000
  const limiter = createMemoryLimiter({ now: () => Math.floor(now) })
  const trips: number[] = []
  const consume = (cost: number) => {
    trips.push(cost)
    return limiter.consume({ organizationId: null, key: 'key', bucket, cost })
  }
  const newProcess = () => new PointLease({ bucket, now: () => now, consume, isShared: () => true })
  return {
    trips,
    consume,
    newProcess,
    now: () => now,
    advance: (ms: number) => {
      now += ms
    },
  }
}

const bucket = { capacity: 1_000, refillPerSecond: 50 }

describe('a lease of points', () => {
  it('pays most charges without a trip to the bucket', async () => {
    const { newProcess, trips, advance } = shared(bucket)
    const lease = newProcess()
    for (let index = 0; index < 500; index += 1) {
      expect((await lease.charge(1)).kind).toBe('consumed')
      advance(10)
    }
    expect(trips.length).toBeLessThan(25)
  })

  it('lets charges that are made at once share a trip', async () => {
    const { newProcess, trips } = shared(bucket)
    const lease = newProcess()
    const results = await Promise.all(Array.from({ length: 40 }, () => lease.charge(1)))
    expect(results.every(({ kind }) => kind === 'consumed')).toBe(true)
    expect(trips).toHaveLength(1)
  })

  it('reports what is left as if nothing were leased', async () => {
    const { newProcess, advance } = shared(bucket)
    const lease = newProcess()
    const left = []
    for (const cost of [1, 10, 500, 3]) left.push((await lease.charge(cost)).kind !== 'unavailable' && cost)
    expect(left).toEqual([1, 10, 500, 3])
    expect(await lease.charge(900)).toMatchObject({ kind: 'deferred', remaining: 486, afterMs: 8_280 })
    advance(1_000)
    expect(await lease.charge(6)).toMatchObject({ kind: 'consumed', remaining: 530 })
  })

  it('takes no more than a charge needs if the bucket has no more', async () => {
    const { newProcess, consume } = shared(bucket)
    await consume(990)
    const lease = newProcess()
    expect(await lease.charge(10)).toMatchObject({ kind: 'consumed' })
    expect(await lease.charge(1)).toMatchObject({ kind: 'deferred' })
  })

  it('refuses without a trip what the bucket cannot have regained', async () => {
    const { newProcess, trips } = shared(bucket)
    const lease = newProcess()
    await lease.charge(1_000)
    const before = trips.length
    for (let index = 0; index < 20; index += 1)
      expect(await lease.charge(500)).toMatchObject({ kind: 'deferred', afterMs: 10_000 })
    expect(trips).toHaveLength(before)
  })

  it('expires as its bucket refills: both together never hold more than the capacity', async () => {
    const { newProcess, advance } = shared(bucket)
    const [idle, other] = [newProcess(), newProcess()]
    await idle.charge(1)
    advance(60_000)
    expect((await other.charge(1_000)).kind).toBe('consumed')
    expect((await idle.charge(1)).kind).toBe('deferred')
  })

  it('is given back if its bucket fails, and all who wait learn that', async () => {
    let fails = false
    const { consume } = shared(bucket)
    const lease = new PointLease({
      bucket,
      now: () => 0,
      isShared: () => true,
      consume: async (cost) => {
        if (fails) throw new Error('unreachable')
        return await consume(cost)
      },
    })
    await lease.charge(1)
    fails = true
    const results = await Promise.allSettled([lease.charge(100), lease.charge(100), lease.charge(100)])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(await lease.charge(40)).toMatchObject({ kind: 'consumed' })
  })
})

const buckets = fc.record({
  capacity: fc.integer({ min: 1, max: 100 }),
  refillPerSecond: fc.integer({ min: 1, max: 100 }),
})
const steps = fc.array(
  fc.record({
    process: fc.nat({ max: 3 }),
    cost: fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 100 })),
    waitMs: fc.oneof(
      { weight: 5, arbitrary: fc.constant(0) },
      fc.integer({ min: 0, max: 2_000 }),
      fc.constant(60_000),
    ),
    dies: fc.integer({ min: 0, max: 9 }).map((value) => value === 0),
  }),
  { maxLength: 80 },
)

describe('processes with leases of one bucket', () => {
  it('never spend more than its capacity and what it regains, in any interval, also when some of them die', async () => {
    await fc.assert(
      fc.asyncProperty(buckets, steps, async (bucket, sequence) => {
        const { newProcess, advance, now } = shared(bucket)
        const processes = Array.from({ length: 4 }, newProcess)
        const spent: { readonly at: number; readonly cost: number }[] = []
        for (const { process, cost, waitMs, dies } of sequence) {
          advance(waitMs)
          if (dies) processes[process] = newProcess()
          const tokens = Math.min(cost, bucket.capacity)
          const result = await processes[process]?.charge(tokens)
          if (result?.kind === 'consumed') spent.push({ at: now(), cost: tokens })
        }
        for (const [first, { at: from }] of spent.entries()) {
          let sum = 0
          for (const { at, cost } of spent.slice(first)) {
            sum += cost
            expect(sum).toBeLessThanOrEqual(
              bucket.capacity + ((at - from) * bucket.refillPerSecond) / 1_000 + 1e-6,
            )
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  it('one process alone is refused nothing that the bucket would grant, but for one point', async () => {
    await fc.assert(
      fc.asyncProperty(buckets, steps, async (bucket, sequence) => {
        const { newProcess, advance, now } = shared(bucket)
        const lease = newProcess()
        let level = bucket.capacity
        let at = now()
        for (const { cost, waitMs } of sequence) {
          advance(waitMs)
          level = Math.min(bucket.capacity, level + ((now() - at) * bucket.refillPerSecond) / 1_000)
          at = now()
          const tokens = Math.min(cost, bucket.capacity)
          const result = await lease.charge(tokens)
          if (result.kind === 'consumed') level = Math.max(0, level - tokens)
          else expect(level).toBeLessThan(tokens + 1)
        }
      }),
      { numRuns: 500 },
    )
  })
})
