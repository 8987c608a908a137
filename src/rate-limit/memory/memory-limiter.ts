import type { Limiter } from '../limiter.ts'
import { type Level, takeTokens, tokensOf } from '../token-bucket.ts'
import { checkPlaceRequest, checkTokenRequest } from '../validate.ts'
import { WindowBook } from './windows.ts'

export interface MemoryLimiterOptions {
  /** Epoch milliseconds, whole; the process's clock unless told. */
  readonly now?: () => number
  /** Nobody gets a place, nor finds tokens from before, until a window's whole span has passed since then. */
  readonly emptySince?: number
  /** Whether a place is kept for who comes too early. It is, unless told otherwise. */
  readonly promises?: boolean
}

/** Limits of one process alone, gone when it ends. */
export function createMemoryLimiter({
  now = Date.now,
  emptySince,
  promises = true,
}: MemoryLimiterOptions = {}): Limiter {
  const book = new WindowBook()
  const levels = new Map<string, Level>()
  const since = now()

  return {
    async acquire(request) {
      checkPlaceRequest(request)
      const at = now()
      const spans = request.demands.map(({ window }) => window.windowMs + window.marginMs)
      const notBefore = emptySince === undefined ? 0 : emptySince + Math.max(...spans)
      const decision = promises
        ? book.acquire(request, at, notBefore)
        : book.acquireWithoutPromise(request, at, notBefore)
      return decision.kind === 'granted'
        ? { kind: 'granted', places: decision.places, usableForMs: decision.useBefore - at }
        : { ...decision, afterMs: decision.at - at }
    },
    async giveBack(organizationId, places) {
      book.giveBack(organizationId, places)
    },
    async take(request) {
      checkTokenRequest(request)
      const { organizationId, key, bucket, cost } = request
      const name = `${organizationId ?? ''} ${key}`
      const before =
        levels.get(name) ?? (emptySince === undefined ? undefined : { thousandths: 0, at: emptySince })
      const { taken, level, afterMs } = takeTokens(before, bucket, cost, now())
      levels.set(name, level)
      const left = tokensOf(level)
      return taken ? { kind: 'taken', left } : { kind: 'later', left, afterMs }
    },
    windows: async (organizationId) => book.views(organizationId, now()),
    health: () => ({ store: 'memory', since, reason: 'one process alone', shares: 1 }),
  }
}
