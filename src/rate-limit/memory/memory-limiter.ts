import type { Limiter } from '../limiter.ts'
import { type BucketLevel, consumeTokens, tokensOf } from '../token-bucket.ts'
import { validateAcquireRequest, validateTokenRequest } from '../validate.ts'
import { MemoryWindows } from './windows.ts'

export interface MemoryLimiterOptions {
  /** Whole epoch milliseconds. Default: `Date.now`. */
  readonly now?: () => number
  /** If set, windows are full until their whole span has passed since this instant, and buckets were empty at it. */
  readonly emptySince?: number
  /** Whether a deferred requester gets a reservation. Default: true. */
  readonly canReserve?: boolean
}

/** A limiter for one process. Its state ends with the process. */
export function createMemoryLimiter({
  now = Date.now,
  emptySince,
  canReserve = true,
}: MemoryLimiterOptions = {}): Limiter {
  const windows = new MemoryWindows()
  const levels = new Map<string, BucketLevel>()
  const since = now()

  return {
    async acquire(request) {
      validateAcquireRequest(request)
      const at = now()
      const spans = request.windowRequests.map(({ window }) => window.windowMs + window.marginMs)
      const notBefore = emptySince === undefined ? 0 : emptySince + Math.max(...spans)
      const decision = canReserve
        ? windows.acquire(request, at, notBefore)
        : windows.acquireWithoutReserving(request, at, notBefore)
      return decision.kind === 'granted'
        ? { kind: 'granted', reservations: decision.reservations, usableForMs: decision.useBefore - at }
        : { ...decision, afterMs: decision.at - at }
    },
    async release(organizationId, reservations) {
      windows.release(organizationId, reservations)
    },
    async consume(request) {
      validateTokenRequest(request)
      const { organizationId, key, bucket, cost } = request
      const name = `${organizationId ?? ''} ${key}`
      const before =
        levels.get(name) ?? (emptySince === undefined ? undefined : { thousandths: 0, at: emptySince })
      const { isConsumed, level, afterMs } = consumeTokens(before, bucket, cost, now())
      levels.set(name, level)
      const remaining = tokensOf(level)
      return isConsumed ? { kind: 'consumed', remaining } : { kind: 'deferred', remaining, afterMs }
    },
    windows: async (organizationId) => windows.views(organizationId, now()),
    health: () => ({ store: 'memory', since, reason: 'a single process', shares: 1 }),
  }
}
