import type { Answer } from '../providers/tiktok/http/answer.ts'
import type { Caller, Guard } from '../providers/tiktok/http/guard.ts'
import type { Limiter } from '../rate-limit/limiter.ts'
import type { LimitBook } from './limit-settings.ts'
import { demandsOf, keyOf } from './rate-limits.ts'

/**
 * Lets calls to TikTok through when it is their turn. Before that it answers `held`, `rateLimit`, and the seconds until the
 * place that is kept for the holder: to be waited for exactly, without any spread, because a place lapses after its grace.
 */
export function createLimiterGuard({
  limiter,
  book,
  demands: demandsFor = demandsOf,
  onError = () => undefined,
}: {
  readonly limiter: Limiter
  readonly book: LimitBook
  /** TikTok's own unless told, such as for a local one that has others. */
  readonly demands?: typeof demandsOf
  /** Something could not be written down after a call. The call's answer is not lost by that. */
  readonly onError?: (error: unknown) => void
}): Guard {
  /** The creator's cap is what was let through in the last 24 hours: this one was too many. */
  const learnCap = async (caller: Caller) => {
    const windows = await limiter.windows(caller.organizationId)
    const posts = windows.find(({ key }) => key === keyOf('posts', caller.accountId))
    await book.learnCap(caller, posts?.used ?? 0)
  }

  return async ({ endpoint, caller }, run) => {
    if (!caller) {
      if (unlimited.has(endpoint)) return await run()
      throw new TypeError(`a call of ${endpoint} must say for whom it is made`)
    }
    const demands = demandsFor(endpoint, caller, await book.of(caller.organizationId))
    if (demands.length === 0) return await run()

    const { organizationId, accountId, requester } = caller
    const grant = await limiter.acquire({ organizationId, holder: requester, demands })
    if (grant.kind === 'later') return held(grant.afterMs)
    // The answer took so long that the place is as good as over.
    if (grant.usableForMs <= 0) return held(0)

    const answer = await run()
    // The window of a minute counts calls, that of a day counts posts.
    const posts = grant.places.filter(({ key }) => key === keyOf('posts', accountId))
    try {
      if (posts.length > 0 && isSurelyNoPost(answer)) await limiter.giveBack(organizationId, posts)
      if (answer.kind === 'refused' && answer.code === tooManyPosts) await learnCap(caller)
    } catch (error) {
      onError(error)
    }
    return answer
  }
}

/** TikTok's word for a creator whose posts by apps have reached their cap of a day. */
const tooManyPosts = 'spam_risk_too_many_posts'

const unlimited: ReadonlySet<string> = new Set(['token', 'revoke', 'upload', 'cancel'])

/** To the millisecond, upwards. */
const held = (afterMs: number) =>
  ({ kind: 'deferred', reason: 'rateLimit', afterSeconds: Math.max(1, Math.ceil(afterMs)) / 1_000 }) as const

function isSurelyNoPost({ kind }: Answer<unknown>): boolean {
  switch (kind) {
    case 'refused':
    case 'unauthorized':
    case 'rateLimited':
    case 'notSent':
    case 'deferred':
      return true
    case 'ok':
    case 'unknown':
      return false
  }
}
