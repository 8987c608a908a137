import type { Limiter } from '../limiter.ts'
import { type BucketLevel, takeTokens, tokensOf } from '../token-bucket.ts'
import { validateAcquireRequest, validateTokenRequest } from '../validate.ts'
import { MemoryWindows } from './windows.ts'

export interface MemoryLimiterOptions {
  /** Epoch milliseconds, whole; the process's clock unless told. */
  readonly now?: () => number
  /** Nobody gets a place, nor finds tokens from before, until a window's whole span has passed since then. */
  readonly emptySince?: number
  /** Whether a place is kept for who comes too early. It is, unless told otherwise. */
  readonly canReserve?: boolean
}

/** Limits of one process alone, gone when it ends. */
export function createMemoryLimiter({
  now = Date.now,
  emptySince,
  canReserve = true,
}: MemoryLimiterOptions = {}): Limiter {
  const book = new MemoryWindows()
  const levels = new Map<string, BucketLevel>()
  const since = now()

  return {
    async acquire(request) {
      validateAcquireRequest(request)
      const at = now()
      const spans = request.windowRequests.map(({ window }) => window.windowMs + window.marginMs)
      const notBefore = emptySince === undefined ? 0 : emptySince + Math.max(...spans)
      const decision = canReserve
        ? book.acquire(request, at, notBefore)
        : book.acquireWithoutReserving(request, at, notBefore)
      return decision.kind === 'granted'
        ? { kind: 'granted', reservations: decision.reservations, usableForMs: decision.useBefore - at }
        : { ...decision, afterMs: decision.at - at }
    },
    async release(organizationId, places) {
      book.release(organizationId, places)
    },
    async take(request) {
      validateTokenRequest(request)
      const { organizationId, key, bucket, cost } = request
      const name = `${organizationId ?? ''} ${key}`
      const before =
        levels.get(name) ?? (emptySince === undefined ? undefined : { thousandths: 0, at: emptySince })
      const { taken, level, afterMs } = takeTokens(before, bucket, cost, now())
      levels.set(name, level)
      const remaining = tokensOf(level)
      return taken ? { kind: 'taken', remaining } : { kind: 'deferred', remaining, afterMs }
    },
    windows: async (organizationId) => book.views(organizationId, now()),
    health: () => ({ store: 'memory', since, reason: 'one process alone', shares: 1 }),
  }
}
