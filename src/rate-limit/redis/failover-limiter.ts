import type { AcquireRequest, AcquireResult, Limiter, LimiterHealth, TokenResult } from '../limiter.ts'
import { createMemoryLimiter } from '../memory/memory-limiter.ts'
import type { Epoch, EpochTracker } from './epoch.ts'
import { createRedisLimiter } from './redis-limiter.ts'
import { type RedisServer, RedisUnavailableError } from './redis-server.ts'
import { type Share, shareOfBucket, shareOfWindow } from './share.ts'

/** The retry delay while no store is available. */
const unavailableRetryMs = 1_000

/**
 * The minimum retry delay while each process keeps a share of the limits. A retried job may be picked up by another process, which
 * does not know the reservations of the first. So a share makes no reservations: a requester retries after 5 to 10 seconds, when
 * the epoch may be over.
 */
const shareRetryMs = 5_000

const unavailable = { kind: 'unavailable' } as const

/** Keeps limits in Redis, and in the memory of each process while Redis is unavailable: see `epoch.ts`. */
export function createFailoverLimiter(server: RedisServer, tracker: EpochTracker): Limiter {
  let cached: { readonly epoch: number; readonly limiter: Omit<Limiter, 'health'> } | undefined

  /** Each epoch has its own limiter, which shares no state with the others. */
  const limiterOf = (epoch: Epoch) => {
    if (cached?.epoch === epoch.epoch) return cached.limiter
    const limiter = epoch.server
      ? createRedisLimiter({
          server,
          runId: epoch.server,
          prefix: `reelpilot:limits:${epoch.epoch}:`,
          exclusiveForMs: () => tracker.lastKnown()?.exclusiveForMs() ?? Number.NEGATIVE_INFINITY,
        })
      : createShareLimiter(epoch)
    cached = { epoch: epoch.epoch, limiter }
    return limiter
  }

  const inEpoch = async <Answer>(
    call: (limiter: Omit<Limiter, 'health'>) => Promise<Answer>,
    fallback: Answer,
  ): Promise<Answer> => {
    const epoch = tracker.current()
    if (!epoch) return fallback
    try {
      const answer = await call(limiterOf(epoch))
      // An answer that arrives after the lease may belong to an epoch that is over: it is not used.
      return tracker.current()?.epoch === epoch.epoch ? answer : fallback
    } catch (error) {
      // Whether a reservation was made is unknown; if so, it lapses unused.
      if (error instanceof RedisUnavailableError) return fallback
      throw error
    }
  }

  return {
    acquire: (request) => inEpoch((limiter) => limiter.acquire(request), deferredBy('store')),
    release: (organizationId, reservations) =>
      inEpoch((limiter) => limiter.release(organizationId, reservations), undefined),
    async consume(request) {
      // While the previous epoch can still grant, buckets would seem empty that are not.
      const isYoung = (tracker.current()?.exclusiveForMs() ?? 0) < 0
      return isYoung
        ? unavailable
        : await inEpoch<TokenResult>((limiter) => limiter.consume(request), unavailable)
    },
    windows: (organizationId) => inEpoch((limiter) => limiter.windows(organizationId), []),
    health: () => healthOf(tracker),
  }
}

/** A limiter with the share of this process, for an epoch without a server. */
function createShareLimiter(epoch: Epoch): Omit<Limiter, 'health'> {
  const now = () => Math.floor(performance.timeOrigin + performance.now())
  const emptySince = now() - Math.floor(epoch.exclusiveForMs())
  const memory = createMemoryLimiter({ now, emptySince, canReserve: false })
  const share: Share | null = epoch.share === null ? null : { index: epoch.share, count: epoch.shares }

  return {
    ...memory,
    async acquire(request) {
      const windowRequests: AcquireRequest['windowRequests'][number][] = []
      for (const windowRequest of request.windowRequests) {
        const window = share && shareOfWindow(windowRequest.window, share)
        if (!window) return deferredWithJitter(windowRequest.key)
        windowRequests.push({ ...windowRequest, window })
      }
      const result = await memory.acquire({ ...request, windowRequests })
      return result.kind === 'granted' ? result : deferredWithJitter(result.limitedBy, result.afterMs)
    },
    async consume(request) {
      if (!share) return unavailable
      return await memory.consume({ ...request, bucket: shareOfBucket(request.bucket, share, request.cost) })
    },
  }
}

function deferredBy(limitedBy: string, afterMs = unavailableRetryMs): AcquireResult {
  return { kind: 'deferred', at: Date.now() + afterMs, afterMs, limitedBy }
}

function deferredWithJitter(limitedBy: string, maxMs = Number.POSITIVE_INFINITY): AcquireResult {
  return deferredBy(limitedBy, Math.ceil(Math.min(maxMs, shareRetryMs * (1 + Math.random()))))
}

function healthOf(tracker: EpochTracker): LimiterHealth {
  const epoch = tracker.lastKnown()
  if (!tracker.current() || !epoch)
    return {
      store: 'none',
      since: epoch?.sinceMs ?? Date.now(),
      reason: 'the database has not confirmed lately which store keeps the limits',
      shares: 1,
    }
  const { server, sinceMs: since, reason } = epoch
  return server
    ? { store: 'redis', since, reason, shares: 1 }
    : { store: 'memory', since, reason, shares: epoch.shares }
}
