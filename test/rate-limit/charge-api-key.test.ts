import { expect, it } from 'vitest'
import { createChargeApiKey } from '../../src/rate-limit/charge-api-key.ts'
import { createMemoryLimiter } from '../../src/rate-limit/memory/memory-limiter.ts'

const key = { organizationId: 'organization', keyId: 'key' }
const bucket = { capacity: 100, refillPerSecond: 10 }

it('an API key is charged the cost of its requests, and learns when it can pay again', async () => {
  let now = 6_000_000
  const limiter = createMemoryLimiter({ now: () => now })
  const charge = createChargeApiKey(limiter, bucket, () => now)
  expect(await charge(key, 70.2)).toEqual({
    allowed: true,
    limit: 100,
    remaining: 29,
    resetSeconds: 8,
    retryAfterSeconds: 0,
  })
  expect(await charge(key, 40)).toEqual({
    allowed: false,
    limit: 100,
    remaining: 29,
    resetSeconds: 8,
    retryAfterSeconds: 2,
  })
  expect((await charge({ ...key, keyId: 'another' }, 40))?.allowed).toBe(true)
  now += 2_000
  expect((await charge(key, 40))?.allowed).toBe(true)
})

it('a cost above the capacity is charged as a full bucket', async () => {
  const charge = createChargeApiKey(createMemoryLimiter(), bucket)
  expect(await charge(key, 5_000)).toMatchObject({ allowed: true, remaining: 0 })
})
