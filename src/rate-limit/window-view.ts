import type { WindowView } from './limiter.ts'
import {
  earliestReservation,
  graceOf,
  type ReservationLog,
  roundDown,
  type SlidingWindow,
  spanOf,
  withReservation,
} from './sliding-window.ts'

/** How a window stands, from what its store remembers. */
export function viewOf(
  kept: {
    readonly key: string
    readonly window: SlidingWindow
    readonly log: ReservationLog
    readonly waiting: readonly { readonly requester: string; readonly at: number }[]
  },
  now: number,
): WindowView {
  const { key, window } = kept
  const [lapsed, waiting] = [
    kept.waiting.filter(({ at }) => at < now - graceOf(window)),
    kept.waiting.filter(({ at }) => at >= now - graceOf(window)),
  ]
  const log = lapsed.reduce((places, { at }) => withReservation(places, at, -1), kept.log)
  const inSpan = log.filter(({ at }) => at <= now && at > now - spanOf(window))
  return {
    key,
    window,
    used: inSpan.reduce((total, { count }) => total + count, 0),
    nextFreeAt: Math.max(now, earliestReservation(log, window, roundDown(now, window))),
    waiting: waiting
      .map(({ requester, at }) => ({ requester, at }))
      .toSorted((a, b) => a.at - b.at || (a.requester < b.requester ? -1 : 1)),
  }
}
