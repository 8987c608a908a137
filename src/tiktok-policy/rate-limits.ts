import type { GuardedCall } from '../providers/tiktok/http/guard.ts'
import type { WindowRequest } from '../rate-limit/limiter.ts'
import type { SlidingWindow } from '../rate-limit/sliding-window.ts'
import type { RateLimitName, RateLimitSettings } from '../store/rate-limit/settings.ts'

/**
 * The margin of 10 s allows for a job that is 5 s late and for the way to TikTok. Six calls in any 60 seconds are therefore
 * limited to six in any 70.
 */
const minute = (maxCalls: number): SlidingWindow => ({ maxCalls, windowMs: 60_000, marginMs: 10_000 })
/**
 * A minute in tenths, for windows that organizations share: 10 calls in any 6 seconds are at most 100 in any minute, and no
 * organization waits a whole minute because another came first.
 */
const tenth = (maxCalls: number): SlidingWindow => ({
  maxCalls: maxCalls / 10,
  windowMs: 6_000,
  marginMs: 4_000,
})
/** The margin of 10 minutes allows for the same on the scale of a day. */
const day = (maxCalls: number): SlidingWindow => ({ maxCalls, windowMs: 86_400_000, marginMs: 600_000 })

/** The limits of an organization that has set none: uploads and reads per minute, posts per creator in 24 hours. */
export const defaultLimits: Readonly<Record<RateLimitName, number>> = { uploads: 10, reads: 100, posts: 15 }

/** How long a learned cap applies. After that, the next post shows whether the cap still exists. */
export const learnedForMs = 7 * 86_400_000

export interface AccountRef {
  readonly organizationId: string
  readonly accountId: string
}

/** The windows of organizations. A window's key is one of these values, followed by the account's id for an account's window. */
export const windowNames = {
  uploads: 'uploads',
  reads: 'reads',
  inits: 'tiktok inits',
  posts: 'tiktok posts',
  status: 'tiktok status',
  creatorInfo: 'tiktok creator info',
} as const

export type WindowName = keyof typeof windowNames

export function windowKey(name: WindowName, accountId?: string): string {
  return accountId === undefined ? windowNames[name] : `${windowNames[name]} ${accountId}`
}

/** Parses a window's key; null for a key that is not an organization's window. */
export function parseWindowKey(
  key: string,
): { readonly name: WindowName; readonly accountId: string | null } | null {
  for (const [name, start] of Object.entries(windowNames)) {
    const accountId =
      key === start ? null : key.startsWith(`${start} `) ? key.slice(start.length + 1) : undefined
    // The names are those of the object above.
    if (accountId !== undefined) return { name: name as WindowName, accountId }
  }
  return null
}

/** A limit in effect and where it comes from. */
export interface Limit {
  readonly max: number
  readonly origin: 'default' | 'set' | 'learned'
  /** Null unless it was learned. */
  readonly learnedAt: Date | null
}

/** The organization's setting or the default, capped for a creator's posts by the learned cap. */
export function effectiveLimit(
  name: RateLimitName,
  { set, learnedCaps: learned }: RateLimitSettings,
  accountId: string | null = null,
): Limit {
  const configured = set[name]
  const own = configured ?? defaultLimits[name]
  const cap = name === 'posts' && accountId !== null ? learned.get(accountId) : undefined
  if (cap && cap.maxPosts < own) return { max: cap.maxPosts, origin: 'learned', learnedAt: cap.learnedAt }
  return { max: own, origin: configured === undefined ? 'default' : 'set', learnedAt: null }
}

/** The window of a creator's direct posts: 24 hours. */
export function postWindow(settings: RateLimitSettings, accountId: string): SlidingWindow {
  return day(effectiveLimit('posts', settings, accountId).max)
}

/**
 * The windows that a call to TikTok must pass. None for endpoints without a stated rate: tokens, chunks, cancelling.
 *
 * Sources: TikTok's page on API v2 rate limits (600 a minute for user info and videos; the page does not say per what, we
 * assume per app) and the page of each endpoint (per user access token: 6 inits, 20 creator infos, 30 statuses). The pages do
 * not say whether the three inits count together; we assume so. "About 15" direct posts per day and creator, over all apps,
 * is from the Content Sharing Guidelines; drafts do not count.
 */
export function windowRequestsFor(
  endpoint: GuardedCall['endpoint'],
  { accountId }: AccountRef,
  settings: RateLimitSettings,
): readonly WindowRequest[] {
  const own = (key: string, window: SlidingWindow): WindowRequest => ({ key, scope: 'organization', window })
  const reads = own(windowKey('reads'), minute(effectiveLimit('reads', settings).max))
  const uploads = own(windowKey('uploads'), minute(effectiveLimit('uploads', settings).max))
  const inits = own(windowKey('inits', accountId), minute(6))
  const posts = own(windowKey('posts', accountId), postWindow(settings, accountId))
  const app = (name: string): WindowRequest => ({ key: `tiktok ${name}`, scope: 'app', window: tenth(600) })

  switch (endpoint) {
    case 'videoInit':
    case 'photoInit':
      return [inits, uploads, posts]
    case 'inboxInit':
      return [inits, uploads]
    case 'status':
      return [own(windowKey('status', accountId), minute(30)), reads]
    case 'creatorInfo':
      return [own(windowKey('creatorInfo', accountId), minute(20)), reads]
    case 'userInfo':
    case 'videoList':
    case 'videoQuery':
      return [app(endpoint), reads]
    case 'token':
    case 'revoke':
    case 'upload':
    case 'cancel':
      return []
  }
}
