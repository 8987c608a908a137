import { registerBreakers } from '../circuit-breaker/breaker.ts'
import type { BreakerDeps } from '../circuit-breaker/permit.ts'
import { createWithBreaker, type WithBreaker } from '../circuit-breaker/with-breaker.ts'
import type { Logger } from '../logger.ts'
import {
  createTikTokClient,
  type TikTokClient,
  type TikTokClientOptions,
} from '../providers/tiktok/client.ts'
import type { Guard } from '../providers/tiktok/http/guard.ts'
import type { Limiter } from '../rate-limit/limiter.ts'
import type { Db } from '../store/database.ts'
import type { ChangeNotification } from '../store/event/notify.ts'
import { createBreakerGuard, tiktokBreaker, tiktokUploadBreaker } from './breaker-guard.ts'
import { createLimitSettingsCache, type LimitSettingsCache } from './limit-settings.ts'
import { createRateLimitGuard } from './rate-limit-guard.ts'

export interface GuardedClients {
  readonly tiktok: TikTokClient
  /** Runs calls to other upstreams behind their breakers. */
  readonly withBreaker: WithBreaker
  /** The cache that the rate limits of `tiktok` read. */
  readonly limitSettings: LimitSettingsCache
}

/** Creates the clients of this process. Each TikTok call asks its breakers first, then its rate limits. */
export async function openGuardedClients({
  db,
  limiter,
  app,
  notifications,
  log,
}: {
  /** Under the role `reelpilot_runtime`. */
  readonly db: Db
  readonly limiter: Limiter
  readonly app: Omit<TikTokClientOptions, 'guard'>
  readonly notifications: { send(change: ChangeNotification): void }
  readonly log: Logger
}): Promise<GuardedClients> {
  await registerBreakers(db, [tiktokBreaker, tiktokUploadBreaker])
  const breakerLog = log.child({ component: 'breakers' })
  const limitLog = log.child({ component: 'limits' })
  const breakers: BreakerDeps = {
    db,
    onStateChange: ({ key, from, to }, organizations) => {
      breakerLog.warn({ breaker: key, from, to }, 'breaker changed state')
      notifications.send({ organizations, jobs: [] })
    },
    onError: (error) => breakerLog.warn({ err: error }, 'call outcome not recorded'),
  }
  const limitSettings = createLimitSettingsCache(db)
  const guard = composeGuards(
    createBreakerGuard(breakers),
    createRateLimitGuard({
      limiter,
      settings: limitSettings,
      onError: (error) => limitLog.warn({ err: error }, 'rate limits not updated after a call'),
    }),
  )
  return {
    tiktok: createTikTokClient({ ...app, guard }),
    withBreaker: createWithBreaker(breakers),
    limitSettings,
  }
}

/**
 * Combines guards into one. The first that defers a call spares those behind it: with the breaker before the limiter, an open
 * breaker makes no reservation.
 */
export function composeGuards(...guards: readonly Guard[]): Guard {
  return guards.reduceRight<Guard>(
    (inner, guard) => (call, run) => guard(call, () => inner(call, run)),
    (_call, run) => run(),
  )
}
