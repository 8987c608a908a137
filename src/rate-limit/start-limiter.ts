import { randomUUID } from 'node:crypto'
import type { Secret } from '../secret.ts'
import type { Db } from '../store/database.ts'
import type { AcquireRequest, AcquireResult, Limiter, WindowRequest } from './limiter.ts'
import { createPostgresLimiter } from './postgres/postgres-limiter.ts'
import { startEpochTracker } from './redis/epoch.ts'
import { createFailoverLimiter } from './redis/failover-limiter.ts'
import { connectRedis } from './redis/redis-server.ts'
import { validateAcquireRequest } from './validate.ts'

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
    graceMs: leaseMs / 2,
  })
  const reachableServer = () => server.probe()
  const keeper = await startEpochTracker({
    db,
    processId: randomUUID(),
    reachableServer,
    leaseMs,
    onError,
  }).catch((error) => {
    server.close()
    throw error
  })
  const limiter = splitByLength(createFailoverLimiter(server, keeper), postgres)
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
export const isLongWindow = ({ window }: Pick<WindowRequest, 'window'>): boolean =>
  window.windowMs > longWindowMs

/** Short windows first: a place in one of them is cheap to give back when a long one is full. */
export function splitByLength(short: Limiter, long: Limiter): Limiter {
  async function acquire(request: AcquireRequest): Promise<AcquireResult> {
    validateAcquireRequest(request)
    const { organizationId, windowRequests } = request
    const [longOnes, shortOnes] = [
      windowRequests.filter(isLongWindow),
      windowRequests.filter((demand) => !isLongWindow(demand)),
    ]
    if (shortOnes.length === 0) return await long.acquire(request)
    const askedAt = performance.now()
    const first = await short.acquire({ ...request, windowRequests: shortOnes })
    if (first.kind === 'deferred' || longOnes.length === 0) return first

    const second = await long.acquire({ ...request, windowRequests: longOnes })
    if (second.kind === 'deferred') {
      await short.release(organizationId, first.reservations)
      return second
    }
    const places = [...first.reservations, ...second.reservations]
    return {
      kind: 'granted',
      reservations: windowRequests.flatMap(({ key, scope }) =>
        places.filter((one) => one.key === key && one.scope === scope),
      ),
      usableForMs: Math.min(first.usableForMs - (performance.now() - askedAt), second.usableForMs),
    }
  }

  return {
    ...short,
    acquire,
    // Each knows its own places only; the others mean nothing to it.
    async release(organizationId, places) {
      await Promise.all([short.release(organizationId, places), long.release(organizationId, places)])
    },
    async windows(organizationId) {
      const both = await Promise.all([short.windows(organizationId), long.windows(organizationId)])
      return both.flat().sort((a, b) => (a.key < b.key ? -1 : 1))
    },
  }
}
