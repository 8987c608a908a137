import { type Db, inOrganization } from '../../store/database.ts'
import { createLimitStore, listRateWindows, releaseReservations } from '../../store/rate-limit/windows.ts'
import type { Limiter, WindowRequest } from '../limiter.ts'
import { validateAcquireRequest, validateTokenRequest } from '../validate.ts'
import { viewOf } from '../window-view.ts'

export interface PostgresLimiterOptions {
  readonly db: Db
  readonly role: 'reelpilot_api' | 'reelpilot_runtime'
  /** Epoch milliseconds. Default: the database's clock. */
  readonly now?: () => number
}

/** Limits in Postgres: one statement each, shared by all processes, and as durable as the jobs. */
export function createPostgresLimiter({ db, role, now }: PostgresLimiterOptions): Limiter {
  const store = createLimitStore(db, role, now)
  const since = Date.now()
  const ownerOf = (organizationId: string, scope: WindowRequest['scope']) =>
    scope === 'app' ? null : organizationId

  return {
    async acquire(request) {
      validateAcquireRequest(request)
      const { organizationId, requester, windowRequests } = request
      const startedAt = performance.now()
      const { reservedAt, fullKey, useBefore, decidedAt } = await store.acquire({
        organizationId,
        requester,
        windowRequests: windowRequests.map(({ key, scope, window }) => ({
          organizationId: ownerOf(organizationId, scope),
          key,
          maxCalls: window.maxCalls,
          windowMs: window.windowMs,
          marginMs: window.marginMs,
        })),
      })
      if (fullKey !== null || useBefore === null) {
        const at = reservedAt[0] ?? decidedAt
        return { kind: 'deferred', at, afterMs: at - decidedAt, limitedBy: fullKey ?? '' }
      }
      return {
        kind: 'granted',
        reservations: windowRequests.map(({ key, scope }, index) => ({
          key,
          scope,
          at: reservedAt[index] ?? decidedAt,
        })),
        // Counted from before the call, so that it is rather too short than too long.
        usableForMs: useBefore - decidedAt - (performance.now() - startedAt),
      }
    },

    async release(organizationId, reservations) {
      await releaseReservations(
        db,
        reservations.map(({ key, scope, at }) => ({
          organizationId: ownerOf(organizationId, scope),
          key,
          at,
        })),
        role === 'reelpilot_api' ? organizationId : null,
      )
    },

    async consume(request) {
      validateTokenRequest(request)
      const { organizationId, key, bucket, cost } = request
      const { isConsumed, remaining, afterMs } = await store.consume({ organizationId, key, cost, ...bucket })
      return isConsumed ? { kind: 'consumed', remaining } : { kind: 'deferred', remaining, afterMs }
    },

    async windows(organizationId) {
      const records = await inOrganization(db, organizationId, (tx) => listRateWindows(tx, organizationId))
      return records.map(({ key, log, waiting, now: at, maxCalls, windowMs, marginMs }) =>
        viewOf(
          {
            key,
            window: { maxCalls, windowMs, marginMs },
            log,
            waiting,
          },
          at,
        ),
      )
    },

    health: () => ({ store: 'postgres', since, reason: 'no Redis is configured', shares: 1 }),
  }
}
