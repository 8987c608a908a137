import type { Answer } from '../providers/tiktok/answer.ts'
import type { Guard } from '../providers/tiktok/guard.ts'
import type { LimitBook } from './limit-book.ts'
import type { Limiter } from './limiter.ts'
import { type Account, demandsOf, keyOf } from './tiktok-limits.ts'

/** For whom a call is made, and who waits for it: what `TikTokClient.as` is told. */
export interface Caller extends Account {
  /** The job, or whatever else comes again when its turn has come. */
  readonly holder: string
}

/** The words of `GuardedCall.subject`: ids, with slashes between. */
export function subjectOf({ organizationId, accountId, holder }: Caller): string {
  return `${organizationId}/${accountId}/${holder}`
}

/** Throws for what `subjectOf` has not made: a call that nobody counts would break a limit of somebody's. */
export function callerOf(subject: string): Caller {
  const [organizationId, accountId, holder, ...rest] = subject.split('/')
  if (!organizationId || !accountId || !holder || rest.length > 0)
    throw new TypeError(`not the subject of a call: ${subject}`)
  return { organizationId, accountId, holder }
}

/**
 * Lets calls to TikTok through when it is their turn. Before that it answers `held`, `rateLimit`, and the seconds until the
 * place that is kept for the holder: to be waited for exactly, without any spread, because a place lapses after its grace.
 */
export function createLimiterGuard({
  limiter,
  book,
  demands: demandsFor = demandsOf,
}: {
  readonly limiter: Limiter
  readonly book: LimitBook
  /** TikTok's own unless told, such as for a local one that has others. */
  readonly demands?: typeof demandsOf
}): Guard {
  return async ({ endpoint, subject }, run) => {
    if (subject === undefined) {
      if (unlimited.has(endpoint)) return await run()
      throw new TypeError(`a call of ${endpoint} must say for whom it is made`)
    }
    const caller = callerOf(subject)
    const demands = demandsFor(endpoint, caller, await book.of(caller.organizationId))
    if (demands.length === 0) return await run()

    const { organizationId, accountId, holder } = caller
    const grant = await limiter.acquire({ organizationId, holder, demands })
    if (grant.kind === 'later') return held(grant.afterMs)
    // The answer took so long that the place is as good as over.
    if (grant.usableForMs <= 0) return held(0)

    const answer = await run()
    // The window of a minute counts calls, that of a day counts posts.
    const posts = grant.places.filter(({ key }) => key === keyOf('posts', accountId))
    if (posts.length > 0 && isSurelyNoPost(answer))
      // Whatever becomes of that, the answer of a call that was made must not get lost.
      await limiter.giveBack(organizationId, posts).catch(() => undefined)
    return answer
  }
}

const unlimited: ReadonlySet<string> = new Set(['token', 'revoke', 'upload', 'cancel'])

/** To the millisecond, upwards. */
const held = (afterMs: number) =>
  ({ kind: 'held', reason: 'rateLimit', afterSeconds: Math.max(1, Math.ceil(afterMs)) / 1_000 }) as const

function isSurelyNoPost({ kind }: Answer<unknown>): boolean {
  switch (kind) {
    case 'refused':
    case 'unauthorized':
    case 'rateLimited':
    case 'notSent':
    case 'held':
      return true
    case 'ok':
    case 'unknown':
      return false
  }
}
