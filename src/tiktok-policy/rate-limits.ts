import type { GuardedCall } from '../providers/tiktok/http/guard.ts'
import type { Demand } from '../rate-limit/limiter.ts'
import type { SlidingWindow } from '../rate-limit/sliding-window.ts'
import type { RateLimitName, RateLimitSettings } from '../store/rate-limit/settings.ts'

/**
 * Ten seconds: five for a job that comes late to its turn, the rest for the way to TikTok. Six calls in any 60 seconds are
 * then let through as six in any 70.
 */
const minute = (most: number): SlidingWindow => ({ most, windowMs: 60_000, marginMs: 10_000 })
/**
 * The same in tenths, where organizations share: ten in any 6 seconds are a hundred in any minute at most, and nobody has to
 * wait for a minute because another was there first.
 */
const tenth = (most: number): SlidingWindow => ({ most: most / 10, windowMs: 6_000, marginMs: 4_000 })
/** Ten minutes, for the same on the scale of a day. */
const day = (most: number): SlidingWindow => ({ most, windowMs: 86_400_000, marginMs: 600_000 })

/** What holds where an organization has set nothing else: uploads and reads a minute, posts in 24 hours and creator. */
export const defaultLimits: Readonly<Record<RateLimitName, number>> = { uploads: 10, reads: 100, posts: 15 }

/** For this long a learned cap is believed; then TikTok is asked again by trying. */
export const learnedForMs = 7 * 86_400_000

export interface Account {
  readonly organizationId: string
  readonly accountId: string
}

/** The windows of organizations, as people know them; each key is one of these, or one with an account's id behind it. */
export const windowNames = {
  uploads: 'uploads',
  reads: 'reads',
  inits: 'tiktok inits',
  posts: 'tiktok posts',
  status: 'tiktok status',
  creatorInfo: 'tiktok creator info',
} as const

export type WindowName = keyof typeof windowNames

export function keyOf(name: WindowName, accountId?: string): string {
  return accountId === undefined ? windowNames[name] : `${windowNames[name]} ${accountId}`
}

/** What a key says; null for one that is none of these. */
export function readKey(
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

/** How much holds, and whose word that is. */
export interface Limit {
  readonly most: number
  readonly origin: 'default' | 'set' | 'learned'
  /** When a learned one was learned. */
  readonly learnedAt: Date | null
}

/** What the organization wants, or the default; and never more posts of a creator than TikTok was found to allow. */
export function limitOf(
  name: RateLimitName,
  { set, learned }: RateLimitSettings,
  accountId: string | null = null,
): Limit {
  const wanted = set[name]
  const own = wanted ?? defaultLimits[name]
  const cap = name === 'posts' && accountId !== null ? learned.get(accountId) : undefined
  if (cap && cap.most < own) return { most: cap.most, origin: 'learned', learnedAt: cap.learnedAt }
  return { most: own, origin: wanted === undefined ? 'default' : 'set', learnedAt: null }
}

/** How many direct posts a creator may make in any 24 hours. */
export function postWindow(settings: RateLimitSettings, accountId: string): SlidingWindow {
  return day(limitOf('posts', settings, accountId).most)
}

/**
 * The windows that a call to TikTok has to pass. None for what TikTok states no rate of: tokens, chunks, cancelling.
 *
 * Sources: TikTok's page on API v2 rate limits (600 a minute for user info and videos, which does not say per what: taken as
 * the whole app's) and the page of each endpoint (per user access token: 6 inits, 20 creator infos, 30 statuses). The page
 * does not say whether the three inits count together: taken so. "About 15" direct posts a day and creator, over all apps,
 * is from the Content Sharing Guidelines; drafts do not count in it.
 */
export function demandsOf(
  endpoint: GuardedCall['endpoint'],
  { accountId }: Account,
  settings: RateLimitSettings,
): readonly Demand[] {
  const own = (key: string, window: SlidingWindow): Demand => ({ key, scope: 'organization', window })
  const reads = own(keyOf('reads'), minute(limitOf('reads', settings).most))
  const uploads = own(keyOf('uploads'), minute(limitOf('uploads', settings).most))
  const inits = own(keyOf('inits', accountId), minute(6))
  const posts = own(keyOf('posts', accountId), postWindow(settings, accountId))
  const app = (name: string): Demand => ({ key: `tiktok ${name}`, scope: 'app', window: tenth(600) })

  switch (endpoint) {
    case 'videoInit':
    case 'photoInit':
      return [inits, uploads, posts]
    case 'inboxInit':
      return [inits, uploads]
    case 'status':
      return [own(keyOf('status', accountId), minute(30)), reads]
    case 'creatorInfo':
      return [own(keyOf('creatorInfo', accountId), minute(20)), reads]
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
