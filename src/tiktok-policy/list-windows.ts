import type { Limiter, WindowView } from '../rate-limit/limiter.ts'
import { isLong } from '../rate-limit/start-limiter.ts'
import type { RateLimitName, RateLimitSettings } from '../store/rate-limit/settings.ts'
import { type Limit, limitOf, readKey, type WindowName } from './rate-limits.ts'

/** A window of an organization's, as it is shown. Instants are epoch milliseconds. */
export interface NamedWindow {
  readonly name: WindowName
  /** Null: the whole organization's. */
  readonly accountId: string | null
  /** `fixed` is what TikTok states and nobody sets. */
  readonly limit: Limit | { readonly most: number; readonly origin: 'fixed'; readonly learnedAt: null }
  readonly windowMs: number
  /** How it stands; null while that is not known here. */
  readonly standing: {
    readonly used: number
    /** Null: nobody can say, because the limit was changed after its last use, or it was never used. */
    readonly nextFreeAt: number | null
    readonly waiting: WindowView['waiting']
  } | null
}

/**
 * The windows of an organization, and who waits for them: those of accounts that were used so far, and its own in any case.
 *
 * While each process keeps its share of the limits in its memory, no process knows what the others have used; only windows
 * that last long are then known.
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
    const read = readKey(view.key)
    if (!read) return []
    const { most, windowMs } = view.window
    const limit = isSettable(read.name)
      ? limitOf(read.name, settings, read.accountId)
      : ({ most, origin: 'fixed', learnedAt: null } as const)
    const nextFreeAt = limit.most === most ? view.nextFreeAt : null
    const standing = isShared || isLong(view) ? { used: view.used, nextFreeAt, waiting: view.waiting } : null
    return [{ ...read, limit, windowMs, standing }]
  })
  const unused = organizationWindows
    .filter((name) => used.every((window) => window.name !== name))
    .map((name) => ({
      name,
      accountId: null,
      limit: limitOf(name, settings),
      windowMs: 60_000,
      standing: isShared ? { used: 0, nextFreeAt: null, waiting: [] } : null,
    }))
  return [...used, ...unused].sort((a, b) => rankOf(a) - rankOf(b))
}

const organizationWindows = ['uploads', 'reads'] as const
const settable: ReadonlySet<WindowName> = new Set<RateLimitName>(['uploads', 'reads', 'posts'])

const isSettable = (name: WindowName): name is RateLimitName => settable.has(name)

/** The organization's own first; those of accounts stay in the order of their keys. */
function rankOf({ name }: NamedWindow): number {
  return name === 'uploads' ? 0 : name === 'reads' ? 1 : 2
}
