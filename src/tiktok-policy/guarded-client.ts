import type { BreakerDeps } from '../circuit-breaker/permit.ts'
import { createProtect, type Protect } from '../circuit-breaker/protect.ts'
import { registerBreakers } from '../circuit-breaker/register-breakers.ts'
import type { Logger } from '../logger.ts'
import {
  createTikTokClient,
  type TikTokClient,
  type TikTokClientOptions,
} from '../providers/tiktok/client.ts'
import type { Limiter } from '../rate-limit/limiter.ts'
import type { Db } from '../store/database.ts'
import type { Hint } from '../store/event/notify.ts'
import { createBreakerGuard, tiktokBreaker, tiktokUploadBreaker } from './breaker-guard.ts'
import { composeGuards } from './compose-guards.ts'
import { createLimitBook, type LimitBook } from './limit-settings.ts'
import { createLimiterGuard } from './rate-limit-guard.ts'

export interface Upstreams {
  readonly tiktok: TikTokClient
  /** Makes calls to other upstreams through their breakers. */
  readonly protect: Protect
  /** The one that is asked before each call to TikTok. */
  readonly limitBook: LimitBook
}

/** What goes out of this process: each call asks its breakers first, and then whether it is its turn. */
export async function openUpstreams({
  db,
  limiter,
  app,
  hints,
  log,
}: {
  /** Under the role `reelpilot_runtime`. */
  readonly db: Db
  readonly limiter: Limiter
  readonly app: Omit<TikTokClientOptions, 'guard'>
  readonly hints: { send(hint: Hint): void }
  readonly log: Logger
}): Promise<Upstreams> {
  await registerBreakers(db, [tiktokBreaker, tiktokUploadBreaker])
  const breakers: BreakerDeps = {
    db,
    onMoved: ({ key, from, to }, organizations) => {
      log.warn({ breaker: key, from, to }, 'a breaker has moved')
      hints.send({ organizations, jobs: [] })
    },
    onError: (error) => log.warn({ err: error }, 'breakers'),
  }
  const limitBook = createLimitBook(db)
  const guard = composeGuards(
    createBreakerGuard(breakers),
    createLimiterGuard({
      limiter,
      book: limitBook,
      onError: (error) => log.warn({ err: error }, 'limits'),
    }),
  )
  return { tiktok: createTikTokClient({ ...app, guard }), protect: createProtect(breakers), limitBook }
}
