import type { Answer } from '../providers/tiktok/http/answer.ts'
import type { Caller, Guard } from '../providers/tiktok/http/guard.ts'
import type { Limiter } from '../rate-limit/limiter.ts'
import type { LimitSettingsCache } from './limit-settings.ts'
import { windowKey, windowRequestsFor } from './rate-limits.ts'

/**
 * Defers TikTok calls that exceed a rate limit (`rateLimit`). `afterSeconds` is the time until the requester's reservation: it
 * must be waited for without jitter, because a reservation lapses after its grace.
 */
export function createRateLimitGuard({
  limiter,
  settings,
  windowsFor = windowRequestsFor,
  onError = () => undefined,
}: {
  readonly limiter: Limiter
  readonly settings: LimitSettingsCache
  /** Default: TikTok's own limits. A local server can have others. */
  readonly windowsFor?: typeof windowRequestsFor
  /** Called when a reservation was not released or a cap not learned. The call's answer is still returned. */
  readonly onError?: (error: unknown) => void
}): Guard {
  /** The creator's cap is the number of posts that were permitted in the last 24 hours: this one was too many. */
  const learnCap = async (caller: Caller) => {
    const windows = await limiter.windows(caller.organizationId)
    const posts = windows.find(({ key }) => key === windowKey('posts', caller.accountId))
    await settings.learnCap(caller, posts?.used ?? 0)
  }

  return async ({ endpoint, caller }, run) => {
    if (!caller) {
      if (unlimitedEndpoints.has(endpoint)) return await run()
      throw new TypeError(`a call of ${endpoint} must name its caller`)
    }
    const windowRequests = windowsFor(endpoint, caller, await settings.read(caller.organizationId))
    if (windowRequests.length === 0) return await run()

    const { organizationId, accountId, requester } = caller
    const acquired = await limiter.acquire({ organizationId, requester, windowRequests })
    if (acquired.kind === 'deferred') return deferred(acquired.afterMs)
    // The limiter took so long to answer that the reservation has nearly expired.
    if (acquired.usableForMs <= 0) return deferred(0)

    const answer = await run()
    // The window of a minute counts calls, the window of a day counts posts.
    const posts = acquired.reservations.filter(({ key }) => key === windowKey('posts', accountId))
    try {
      if (posts.length > 0 && createdNoPost(answer)) await limiter.release(organizationId, posts)
      if (answer.kind === 'refused' && answer.code === tooManyPosts) await learnCap(caller)
    } catch (error) {
      onError(error)
    }
    return answer
  }
}

/** TikTok's code for a creator who has reached the daily cap of posts by apps. */
const tooManyPosts = 'spam_risk_too_many_posts'

const unlimitedEndpoints: ReadonlySet<string> = new Set(['token', 'revoke', 'upload', 'cancel'])

const deferred = (afterMs: number) =>
  ({ kind: 'deferred', reason: 'rateLimit', afterSeconds: Math.max(1, Math.ceil(afterMs)) / 1_000 }) as const

/** Whether the call certainly created no post. */
function createdNoPost({ kind }: Answer<unknown>): boolean {
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
