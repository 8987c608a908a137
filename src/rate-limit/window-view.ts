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

/** Describes a window from the state that its store keeps. */
export function viewOf(
  state: {
    readonly key: string
    readonly window: SlidingWindow
    readonly log: ReservationLog
    readonly waiting: readonly { readonly requester: string; readonly at: number }[]
  },
  now: number,
): WindowView {
  const { key, window } = state
  const isLapsed = ({ at }: { readonly at: number }) => at < now - graceOf(window)
  const log = state.waiting
    .filter(isLapsed)
    .reduce((kept, { at }) => withReservation(kept, at, -1), state.log)
  const inSpan = log.filter(({ at }) => at <= now && at > now - spanOf(window))
  return {
    key,
    window,
    used: inSpan.reduce((total, { count }) => total + count, 0),
    nextFreeAt: Math.max(now, earliestReservation(log, window, roundDown(now, window))),
    waiting: state.waiting
      .filter((request) => !isLapsed(request))
      .map(({ requester, at }) => ({ requester, at }))
      .toSorted((a, b) => a.at - b.at || (a.requester < b.requester ? -1 : 1)),
  }
}
