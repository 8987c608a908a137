import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import type { Limiter, WindowRequest } from '../../src/rate-limit/limiter.ts'
import { createMemoryLimiter } from '../../src/rate-limit/memory/memory-limiter.ts'
import { createPostgresLimiter } from '../../src/rate-limit/postgres/postgres-limiter.ts'
import { createRedisLimiter } from '../../src/rate-limit/redis/redis-limiter.ts'
import { connectRedis } from '../../src/rate-limit/redis/redis-server.ts'
import { Secret } from '../../src/secret.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { startRedis } from '../support/redis-process.ts'

const database = await createTestDatabase()
const redis = await startRedis()
afterAll(() => redis?.close())
const organizations = [
  await createOrganization(database),
  await createOrganization(database),
  await createOrganization(database),
]

/** An operation: acquire, release the last grant, consume tokens, or let time pass. */
const operation = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('acquire' as const),
      organization: fc.nat(2),
      requester: fc.nat(5),
      windows: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('consume' as const), organization: fc.nat(2), cost: fc.nat(6) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(900) }) },
)

/** Three windows of an organization and one that all organizations share. */
const windows: readonly Omit<WindowRequest, 'key'>[] = [
  { scope: 'organization', window: { maxCalls: 1, windowMs: 500, marginMs: 100 } },
  { scope: 'organization', window: { maxCalls: 3, windowMs: 1_000, marginMs: 200 } },
  { scope: 'organization', window: { maxCalls: 7, windowMs: 2_000, marginMs: 333 } },
  { scope: 'app', window: { maxCalls: 2, windowMs: 700, marginMs: 100 } },
]

function agreesWithMemory(
  createStore: (now: () => number, name: string) => Omit<Limiter, 'health'>,
  numRuns: number,
) {
  return fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 60 }), async (operations) => {
      let now = 1_800_000_000_000
      const name = randomUUID()
      const [store, memory] = [createStore(() => now, name), createMemoryLimiter({ now: () => now })]
      const both = async (operate: (limiter: Omit<Limiter, 'health'>) => Promise<unknown>) => {
        const [answered, expected] = [await operate(store), await operate(memory)]
        expect(withoutDuration(answered)).toEqual(withoutDuration(expected))
      }
      let release: (limiter: Omit<Limiter, 'health'>) => Promise<unknown> = async () => undefined
      for (const one of operations) {
        if (one.kind === 'wait') now += one.ms
        else if (one.kind === 'release') await both(release)
        else if (one.kind === 'consume')
          await both((limiter) =>
            limiter.consume({
              organizationId: organizations[one.organization] ?? null,
              key: `${name} bucket`,
              bucket: { capacity: 10, refillPerSecond: 4 },
              cost: one.cost,
            }),
          )
        else {
          const organizationId = organizations[one.organization] ?? ''
          const windowRequests = one.windows.flatMap((index) => {
            const window = windows[index]
            return window ? [{ ...window, key: `${name} ${index}` }] : []
          })
          await both(async (limiter) => {
            const grant = await limiter.acquire({
              organizationId,
              requester: `job ${one.requester}`,
              windowRequests,
            })
            if (grant.kind === 'granted') release = (any) => any.release(organizationId, grant.reservations)
            return grant
          })
        }
      }
    }),
    { numRuns },
  )
}

/** Ignores `usableForMs`, which depends on how long the call to the store took. */
function withoutDuration(answer: unknown): unknown {
  return typeof answer === 'object' ? { ...answer, usableForMs: undefined } : answer
}

it('Postgres decides every sequence of requests as memory does', async () => {
  await agreesWithMemory(
    (now) => createPostgresLimiter({ db: database.runtime.db, role: 'reelpilot_runtime', now }),
    60,
  )
})

it('Redis decides every sequence of requests as memory does', async ({ skip }) => {
  if (!redis) return skip('needs redis-server')
  const server = await connectRedis({ url: new Secret(redis.url), onError: () => undefined })
  const runId = (await server.probe()) ?? ''
  await agreesWithMemory(
    (now, name) =>
      createRedisLimiter({
        server,
        runId,
        prefix: `${name}:`,
        exclusiveForMs: () => Number.MAX_SAFE_INTEGER,
        now,
      }),
    150,
  )
  server.close()
})
