import { randomUUID } from 'node:crypto'
import type { Secret } from '../secret.ts'
import type { Db } from '../store/database.ts'
import type { Demand, Grant, Limiter, PlaceRequest } from './limiter.ts'
import { createPostgresLimiter } from './postgres/postgres-limiter.ts'
import { startEraKeeper } from './redis/epoch.ts'
import { createEraLimiter } from './redis/failover-limiter.ts'
import { connectRedis } from './redis/redis-server.ts'
import { checkPlaceRequest } from './validate.ts'

export interface StartLimiterOptions {
  readonly db: Db
  readonly role: 'reelpilot_api' | 'reelpilot_runtime'
  /** Of a Redis or Valkey; without one, Postgres keeps all limits. */
  readonly redisUrl?: Secret
  readonly onError: (error: unknown) => void
  /** How long a process acts on what it was told of Redis. 5 seconds unless told. */
  readonly leaseMs?: number
}

export interface RunningLimiter extends Limiter {
  stop(): Promise<void>
}

/**
 * The limits of this installation. With a Redis, short windows and buckets are kept there. Windows of more than an hour stay
 * in Postgres all the same: they are asked rarely, and what a day-long one remembers must outlive every server.
 */
export async function startLimiter(options: StartLimiterOptions): Promise<RunningLimiter> {
  const { db, role, redisUrl, onError, leaseMs = 5_000 } = options
  const postgres = createPostgresLimiter({ db, role })
  if (!redisUrl) return { ...postgres, stop: async () => undefined }

  const server = await connectRedis({
    url: redisUrl,
    onError,
    deadlineMs: leaseMs / 5,
    patienceMs: leaseMs / 2,
  })
  const reaches = () => server.reaches()
  const keeper = await startEraKeeper({ db, processId: randomUUID(), reaches, leaseMs, onError }).catch(
    (error) => {
      server.close()
      throw error
    },
  )
  const limiter = splitByLength(createEraLimiter(server, keeper), postgres)
  return {
    ...limiter,
    async stop() {
      await keeper.stop()
      server.close()
    },
  }
}

const longWindowMs = 3_600_000
/** Whether a window is kept in Postgres whatever keeps the others. */
export const isLong = ({ window }: Pick<Demand, 'window'>): boolean => window.windowMs > longWindowMs

/** Short windows first: a place in one of them is cheap to give back when a long one is full. */
export function splitByLength(short: Limiter, long: Limiter): Limiter {
  async function acquire(request: PlaceRequest): Promise<Grant> {
    checkPlaceRequest(request)
    const { organizationId, demands } = request
    const [longOnes, shortOnes] = [demands.filter(isLong), demands.filter((demand) => !isLong(demand))]
    if (shortOnes.length === 0) return await long.acquire(request)
    const askedAt = performance.now()
    const first = await short.acquire({ ...request, demands: shortOnes })
    if (first.kind === 'later' || longOnes.length === 0) return first

    const second = await long.acquire({ ...request, demands: longOnes })
    if (second.kind === 'later') {
      await short.giveBack(organizationId, first.places)
      return second
    }
    const places = [...first.places, ...second.places]
    return {
      kind: 'granted',
      places: demands.flatMap(({ key, scope }) =>
        places.filter((one) => one.key === key && one.scope === scope),
      ),
      usableForMs: Math.min(first.usableForMs - (performance.now() - askedAt), second.usableForMs),
    }
  }

  return {
    ...short,
    acquire,
    // Each knows its own places only; the others mean nothing to it.
    async giveBack(organizationId, places) {
      await Promise.all([short.giveBack(organizationId, places), long.giveBack(organizationId, places)])
    },
    async windows(organizationId) {
      const both = await Promise.all([short.windows(organizationId), long.windows(organizationId)])
      return both.flat().sort((a, b) => (a.key < b.key ? -1 : 1))
    },
  }
}
