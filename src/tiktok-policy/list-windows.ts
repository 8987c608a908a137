import type { Limiter, WindowView } from '../rate-limit/limiter.ts'
import { isLongWindow } from '../rate-limit/start-limiter.ts'
import type { RateLimitName, RateLimitSettings } from '../store/rate-limit/settings.ts'
import { effectiveLimit, type Limit, parseWindowKey, type WindowName } from './rate-limits.ts'

/** A window of an organization, for display. Instants are epoch milliseconds. */
export interface NamedWindow {
  readonly name: WindowName
  /** Null for a window of the whole organization. */
  readonly accountId: string | null
  /** `fixed`: stated by TikTok, cannot be set. */
  readonly limit: Limit | { readonly max: number; readonly origin: 'fixed'; readonly learnedAt: null }
  readonly windowMs: number
  /** Null while this process does not know it. */
  readonly usage: {
    readonly used: number
    /** Null: unknown, because the window was never used or its limit has changed since its last use. */
    readonly nextFreeAt: number | null
    readonly waiting: WindowView['waiting']
  } | null
}

/**
 * Lists the windows of an organization with those who wait for them: the organization's own, and those of accounts that were
 * used so far.
 *
 * While each process keeps its share of the limits in memory, no process knows the usage of the others; only long windows,
 * which stay in Postgres, have a usage then.
 */
export async function listWindows(
  limiter: Pick<Limiter, 'windows' | 'health'>,
  organizationId: string,
  settings: RateLimitSettings,
): Promise<readonly NamedWindow[]> {
  const views = await limiter.windows(organizationId)
  const { store } = limiter.health()
  const isShared = store === 'postgres' || store === 'redis'

  const used = views.flatMap((view): readonly NamedWindow[] => {
    const parsed = parseWindowKey(view.key)
    if (!parsed) return []
    const { maxCalls, windowMs } = view.window
    const limit = isSettable(parsed.name)
      ? effectiveLimit(parsed.name, settings, parsed.accountId)
      : ({ max: maxCalls, origin: 'fixed', learnedAt: null } as const)
    const nextFreeAt = limit.max === maxCalls ? view.nextFreeAt : null
    const usage =
      isShared || isLongWindow(view) ? { used: view.used, nextFreeAt, waiting: view.waiting } : null
    return [{ ...parsed, limit, windowMs, usage }]
  })
  const unused = organizationWindows
    .filter((name) => used.every((window) => window.name !== name))
    .map((name) => ({
      name,
      accountId: null,
      limit: effectiveLimit(name, settings),
      windowMs: 60_000,
      usage: isShared ? { used: 0, nextFreeAt: null, waiting: [] } : null,
    }))
  return [...used, ...unused].sort((a, b) => rankOf(a) - rankOf(b))
}

const organizationWindows = ['uploads', 'reads'] as const
const settableNames: ReadonlySet<WindowName> = new Set<RateLimitName>(['uploads', 'reads', 'posts'])

const isSettable = (name: WindowName): name is RateLimitName => settableNames.has(name)

/** The organization's own windows come first; those of accounts stay in the order of their keys. */
function rankOf({ name }: NamedWindow): number {
  return name === 'uploads' ? 0 : name === 'reads' ? 1 : 2
}
