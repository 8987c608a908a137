import { type Db, inOrganization } from '../../store/database.ts'
import { createBucketStore, giveBackPlaces, listRateWindows } from '../../store/rate-limit/windows.ts'
import type { Demand, Limiter } from '../limiter.ts'
import { checkPlaceRequest, checkTokenRequest } from '../validate.ts'
import { viewOf } from '../window-view.ts'

export interface PostgresLimiterOptions {
  readonly db: Db
  readonly role: 'reelpilot_api' | 'reelpilot_runtime'
  /** Of the database, for tests. */
  readonly now?: () => number
}

/** Limits in Postgres: one statement each, shared by all processes, and as durable as the jobs themselves. */
export function createPostgresLimiter({ db, role, now }: PostgresLimiterOptions): Limiter {
  const store = createBucketStore(db, role, now)
  const since = Date.now()
  const ownerOf = (organizationId: string, scope: Demand['scope']) =>
    scope === 'app' ? null : organizationId

  return {
    async acquire(request) {
      checkPlaceRequest(request)
      const { organizationId, holder, demands } = request
      const askedAt = performance.now()
      const { places, fullKey, useBefore, decidedAt } = await store.acquire({
        organizationId,
        holder,
        demands: demands.map(({ key, scope, window }) => ({
          organizationId: ownerOf(organizationId, scope),
          key,
          ...window,
        })),
      })
      if (fullKey !== null || useBefore === null) {
        const at = places[0] ?? decidedAt
        return { kind: 'later', at, afterMs: at - decidedAt, limitedBy: fullKey ?? '' }
      }
      return {
        kind: 'granted',
        places: demands.map(({ key, scope }, index) => ({ key, scope, at: places[index] ?? decidedAt })),
        // Counted from the question, which was before the answer: rather too short than too long.
        usableForMs: useBefore - decidedAt - (performance.now() - askedAt),
      }
    },

    async giveBack(organizationId, places) {
      await giveBackPlaces(
        db,
        places.map(({ key, scope, at }) => ({ organizationId: ownerOf(organizationId, scope), key, at })),
        role === 'reelpilot_api' ? organizationId : null,
      )
    },

    async take(request) {
      checkTokenRequest(request)
      const { organizationId, key, bucket, cost } = request
      const { taken, left, afterMs } = await store.take({ organizationId, key, cost, ...bucket })
      return taken ? { kind: 'taken', left } : { kind: 'later', left, afterMs }
    },

    async windows(organizationId) {
      const records = await inOrganization(db, organizationId, (tx) => listRateWindows(tx, organizationId))
      return records.map(({ key, log, waiting, now: at, ...window }) =>
        viewOf({ key, window, log, waiting }, at),
      )
    },

    health: () => ({ store: 'postgres', since, reason: 'no Redis is set up', shares: 1 }),
  }
}
