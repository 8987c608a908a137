import type { Grant, Limiter, LimiterHealth, PlaceRequest, Tokens } from '../limiter.ts'
import { createMemoryLimiter } from '../memory/memory-limiter.ts'
import type { Era, EraKeeper } from './epoch.ts'
import { createRedisLimiter } from './redis-limiter.ts'
import { RedisOutOfReach, type RedisServer } from './redis-server.ts'
import { shareOfBucket, shareOfWindow } from './share.ts'

/** Until it is settled who keeps the limits, or shares are dealt again. */
const lookAgainMs = 1_000

/**
 * In an era of shares a holder comes back to whichever process takes it up, and one that has a place knows nothing of what
 * another promised. So no share promises anything; a holder looks again after 5 to 10 seconds, and the era may be over then.
 */
const lookElsewhereMs = 5_000

const unsettled = { kind: 'unsettled' } as const

/** Limits by Redis, and by the processes' memories while it is out of reach: see `era.ts`. */
export function createEraLimiter(server: RedisServer, keeper: EraKeeper): Limiter {
  let kept: { readonly era: number; readonly limiter: Omit<Limiter, 'health'> } | undefined

  /** Each era has a limiter of its own, which knows nothing of the others. */
  const limiterOf = (era: Era) => {
    if (kept?.era === era.era) return kept.limiter
    const limiter = era.server
      ? createRedisLimiter({
          server,
          runId: era.server,
          prefix: `reelpilot:limits:${era.era}:`,
          quietMs: () => keeper.last()?.quietMs() ?? Number.NEGATIVE_INFINITY,
        })
      : createShareLimiter(era)
    kept = { era: era.era, limiter }
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
      return keeper.current()?.era === era.era ? answer : otherwise
    } catch (error) {
      // Nobody knows whether a place was given; if so, it lapses, or nobody uses it.
      if (error instanceof RedisOutOfReach) return otherwise
      throw error
    }
  }

  return {
    acquire: (request) => settled((limiter) => limiter.acquire(request), laterBy('store')),
    giveBack: (organizationId, places) =>
      settled((limiter) => limiter.giveBack(organizationId, places), undefined),
    async take(request) {
      // As long as the era before may still grant, buckets would be found empty that are not.
      const isYoung = (keeper.current()?.quietMs() ?? 0) < 0
      return isYoung ? unsettled : await settled<Tokens>((limiter) => limiter.take(request), unsettled)
    },
    windows: (organizationId) => settled((limiter) => limiter.windows(organizationId), []),
    health: () => healthOf(keeper),
  }
}

/** What one process has of every limit in an era without a server. */
function createShareLimiter(era: Era): Omit<Limiter, 'health'> {
  const now = () => Math.floor(performance.timeOrigin + performance.now())
  const emptySince = now() - Math.floor(era.quietMs())
  const memory = createMemoryLimiter({ now, emptySince, promises: false })
  const share = era.share === null ? null : { index: era.share, of: era.shares }

  return {
    ...memory,
    async acquire(request) {
      const demands: PlaceRequest['demands'][number][] = []
      for (const demand of request.demands) {
        const window = share && shareOfWindow(demand.window, share)
        if (!window) return elsewhere(demand.key)
        demands.push({ ...demand, window })
      }
      const grant = await memory.acquire({ ...request, demands })
      return grant.kind === 'granted' ? grant : elsewhere(grant.limitedBy, grant.afterMs)
    },
    async take(request) {
      if (!share) return unsettled
      return await memory.take({ ...request, bucket: shareOfBucket(request.bucket, share, request.cost) })
    },
  }
}

function laterBy(limitedBy: string, afterMs = lookAgainMs): Grant {
  return { kind: 'later', at: Date.now() + afterMs, afterMs, limitedBy }
}

function elsewhere(limitedBy: string, atTheLatestMs = Number.POSITIVE_INFINITY): Grant {
  return laterBy(limitedBy, Math.ceil(Math.min(atTheLatestMs, lookElsewhereMs * (1 + Math.random()))))
}

function healthOf(keeper: EraKeeper): LimiterHealth {
  const era = keeper.last()
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
