import type { WindowView } from './limiter.ts'
import {
  coarse,
  earliestPlace,
  graceOf,
  type PlaceLog,
  type SlidingWindow,
  spanOf,
  withPlace,
} from './sliding-window.ts'

/** How a window stands, from what its store remembers. */
export function viewOf(
  kept: {
    readonly key: string
    readonly window: SlidingWindow
    readonly log: PlaceLog
    readonly waiting: readonly { readonly holder: string; readonly at: number }[]
  },
  now: number,
): WindowView {
  const { key, window } = kept
  const [lapsed, waiting] = [
    kept.waiting.filter(({ at }) => at < now - graceOf(window)),
    kept.waiting.filter(({ at }) => at >= now - graceOf(window)),
  ]
  const log = lapsed.reduce((places, { at }) => withPlace(places, at, -1), kept.log)
  const inSpan = log.filter(({ at }) => at <= now && at > now - spanOf(window))
  return {
    key,
    window,
    used: inSpan.reduce((total, { count }) => total + count, 0),
    nextFreeAt: Math.max(now, earliestPlace(log, window, coarse(now, window))),
    waiting: waiting
      .map(({ holder, at }) => ({ holder, at }))
      .toSorted((a, b) => a.at - b.at || (a.holder < b.holder ? -1 : 1)),
  }
}
