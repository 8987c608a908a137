import { randomUUID } from 'node:crypto'
import type { Secret } from '../secret.ts'
import type { Db } from '../store/database.ts'
import type { AcquireRequest, AcquireResult, Limiter, WindowRequest } from './limiter.ts'
import { createPostgresLimiter } from './postgres/postgres-limiter.ts'
import { validateAcquireRequest } from './validate.ts'

export interface StartLimiterOptions {
  readonly db: Db
  readonly role: 'reelpilot_api' | 'reelpilot_runtime'
  /** A Redis or Valkey. Default: Postgres keeps all limits. */
  readonly redisUrl?: Secret
  readonly onError: (error: unknown) => void
  /** How long a process may act on its last heartbeat. Default: 5 s. */
  readonly leaseMs?: number
}

export interface RunningLimiter extends Limiter {
  stop(): Promise<void>
}

/**
 * Starts the limiter of this process. With a Redis, short windows and buckets are kept there. Windows of more than an hour stay
 * in Postgres: they are used rarely, and the log of a day-long window must survive every restart.
 */
export async function startLimiter(options: StartLimiterOptions): Promise<RunningLimiter> {
  const { db, role, redisUrl, onError, leaseMs = 5_000 } = options
  const postgres = createPostgresLimiter({ db, role })
  if (!redisUrl) return { ...postgres, stop: async () => undefined }

  // Loaded only if it is used: the client is 478 modules, a quarter of a second at every start.
  const { startEpochTracker } = await import('./redis/epoch.ts')
  const { createFailoverLimiter } = await import('./redis/failover-limiter.ts')
  const { connectRedis } = await import('./redis/redis-server.ts')
  const server = await connectRedis({
    url: redisUrl,
    onError,
    deadlineMs: leaseMs / 5,
    graceMs: leaseMs / 2,
  })
  const tracker = await startEpochTracker({
    db,
    processId: randomUUID(),
    reachableServer: () => server.probe(),
    leaseMs,
    onError,
  }).catch((error) => {
    server.close()
    throw error
  })
  const limiter = splitByLength(createFailoverLimiter(server, tracker), postgres)
  return {
    ...limiter,
    async stop() {
      await tracker.stop()
      server.close()
    },
  }
}

const maxShortWindowMs = 3_600_000
/** Whether a window is kept in Postgres even when a Redis keeps the others. */
export const isLongWindow = ({ window }: Pick<WindowRequest, 'window'>): boolean =>
  window.windowMs > maxShortWindowMs

/** Combines two limiters. Short windows are acquired first: their reservations are cheap to release if a long one is full. */
export function splitByLength(short: Limiter, long: Limiter): Limiter {
  async function acquire(request: AcquireRequest): Promise<AcquireResult> {
    validateAcquireRequest(request)
    const { organizationId, windowRequests } = request
    const longOnes = windowRequests.filter(isLongWindow)
    const shortOnes = windowRequests.filter((windowRequest) => !isLongWindow(windowRequest))
    if (shortOnes.length === 0) return await long.acquire(request)
    const startedAt = performance.now()
    const first = await short.acquire({ ...request, windowRequests: shortOnes })
    if (first.kind === 'deferred' || longOnes.length === 0) return first

    const second = await long.acquire({ ...request, windowRequests: longOnes })
    if (second.kind === 'deferred') {
      await short.release(organizationId, first.reservations)
      return second
    }
    const reservations = [...first.reservations, ...second.reservations]
    return {
      kind: 'granted',
      reservations: windowRequests.flatMap(({ key, scope }) =>
        reservations.filter((reservation) => reservation.key === key && reservation.scope === scope),
      ),
      usableForMs: Math.min(first.usableForMs - (performance.now() - startedAt), second.usableForMs),
    }
  }

  return {
    ...short,
    acquire,
    // Each limiter ignores the reservations of the other.
    async release(organizationId, reservations) {
      await Promise.all([
        short.release(organizationId, reservations),
        long.release(organizationId, reservations),
      ])
    },
    async windows(organizationId) {
      const both = await Promise.all([short.windows(organizationId), long.windows(organizationId)])
      return both.flat().sort((a, b) => (a.key < b.key ? -1 : 1))
    },
  }
}
