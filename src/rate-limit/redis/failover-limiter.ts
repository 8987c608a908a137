import type { AcquireRequest, AcquireResult, Limiter, LimiterHealth, TokenResult } from '../limiter.ts'
import { createMemoryLimiter } from '../memory/memory-limiter.ts'
import type { Epoch, EpochTracker } from './epoch.ts'
import { createRedisLimiter } from './redis-limiter.ts'
import { type RedisServer, RedisUnavailableError } from './redis-server.ts'
import { shareOfBucket, shareOfWindow } from './share.ts'

/** Until it is settled who keeps the limits, or shares are dealt again. */
const lookAgainMs = 1_000

/**
 * In an era of shares a requester comes back to whichever process takes it up, and one that has a place knows nothing of what
 * another promised. So no share promises anything; a requester looks again after 5 to 10 seconds, and the era may be over then.
 */
const lookElsewhereMs = 5_000

const unavailable = { kind: 'unavailable' } as const

/** Limits by Redis, and by the processes' memories while it is out of reach: see `era.ts`. */
export function createFailoverLimiter(server: RedisServer, keeper: EpochTracker): Limiter {
  let kept: { readonly era: number; readonly limiter: Omit<Limiter, 'health'> } | undefined

  /** Each era has a limiter of its own, which knows nothing of the others. */
  const limiterOf = (era: Epoch) => {
    if (kept?.era === era.epoch) return kept.limiter
    const limiter = era.server
      ? createRedisLimiter({
          server,
          runId: era.server,
          prefix: `reelpilot:limits:${era.epoch}:`,
          exclusiveForMs: () => keeper.lastKnown()?.exclusiveForMs() ?? Number.NEGATIVE_INFINITY,
        })
      : createShareLimiter(era)
    kept = { era: era.epoch, limiter }
    return limiter
  }

  const settled = async <Answer>(
    ask: (limiter: Omit<Limiter, 'health'>) => Promise<Answer>,
    otherwise: Answer,
  ): Promise<Answer> => {
    const era = keeper.current()
    if (!era) return otherwise
    try {
      const answer = await ask(limiterOf(era))
      // What came after the lease was over may be of an era that is over: it is not acted on.
      return keeper.current()?.epoch === era.epoch ? answer : otherwise
    } catch (error) {
      // Nobody knows whether a place was given; if so, it lapses, or nobody uses it.
      if (error instanceof RedisUnavailableError) return otherwise
      throw error
    }
  }

  return {
    acquire: (request) => settled((limiter) => limiter.acquire(request), deferredBy('store')),
    release: (organizationId, places) =>
      settled((limiter) => limiter.release(organizationId, places), undefined),
    async take(request) {
      // As long as the era before may still grant, buckets would be found empty that are not.
      const isYoung = (keeper.current()?.exclusiveForMs() ?? 0) < 0
      return isYoung
        ? unavailable
        : await settled<TokenResult>((limiter) => limiter.take(request), unavailable)
    },
    windows: (organizationId) => settled((limiter) => limiter.windows(organizationId), []),
    health: () => healthOf(keeper),
  }
}

/** What one process has of every limit in an era without a server. */
function createShareLimiter(era: Epoch): Omit<Limiter, 'health'> {
  const now = () => Math.floor(performance.timeOrigin + performance.now())
  const emptySince = now() - Math.floor(era.exclusiveForMs())
  const memory = createMemoryLimiter({ now, emptySince, canReserve: false })
  const share = era.share === null ? null : { index: era.share, count: era.shares }

  return {
    ...memory,
    async acquire(request) {
      const windowRequests: AcquireRequest['windowRequests'][number][] = []
      for (const demand of request.windowRequests) {
        const window = share && shareOfWindow(demand.window, share)
        if (!window) return elsewhere(demand.key)
        windowRequests.push({ ...demand, window })
      }
      const grant = await memory.acquire({ ...request, windowRequests })
      return grant.kind === 'granted' ? grant : elsewhere(grant.limitedBy, grant.afterMs)
    },
    async take(request) {
      if (!share) return unavailable
      return await memory.take({ ...request, bucket: shareOfBucket(request.bucket, share, request.cost) })
    },
  }
}

function deferredBy(limitedBy: string, afterMs = lookAgainMs): AcquireResult {
  return { kind: 'deferred', at: Date.now() + afterMs, afterMs, limitedBy }
}

function elsewhere(limitedBy: string, atTheLatestMs = Number.POSITIVE_INFINITY): AcquireResult {
  return deferredBy(limitedBy, Math.ceil(Math.min(atTheLatestMs, lookElsewhereMs * (1 + Math.random()))))
}

function healthOf(keeper: EpochTracker): LimiterHealth {
  const era = keeper.lastKnown()
  if (!keeper.current() || !era)
    return {
      store: 'none',
      since: era?.sinceMs ?? Date.now(),
      reason: 'the database has not said lately who keeps the limits',
      shares: 1,
    }
  const { server, sinceMs: since, reason } = era
  return server
    ? { store: 'redis', since, reason, shares: 1 }
    : { store: 'memory', since, reason, shares: era.shares }
}
