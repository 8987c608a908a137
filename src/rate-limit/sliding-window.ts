/**
 * At most `most` calls in any stretch of `windowMs`, as the upstream counts them.
 *
 * We count when a call was let through, the upstream when it arrived. What is let through is therefore a **place**: an
 * instant `p` that entitles to a call which arrives within `[p, p + marginMs]`. Places are given so that any `most + 1` of
 * them span `windowMs + marginMs` (the *span*) or more. So the calls `s` of the first and the last of them keep the limit:
 * `s_last ≥ p_last ≥ p_first + windowMs + marginMs ≥ s_first + windowMs`.
 *
 * The margin pays for everything that is inexact: half of it for a requester that comes late to its place (`graceOf`), the
 * rest for the way to the upstream, a clock that is stepped, and for places of the same tenth of a margin being kept as one
 * instant (`coarse`), which bounds what has to be remembered: about `10 · span / margin` instants, whatever `most` is.
 */
export interface SlidingWindow {
  readonly maxCalls: number
  readonly windowMs: number
  readonly marginMs: number
}

/** Places that were given, past ones and promised ones, by instant, ascending. */
export type ReservationLog = readonly { readonly at: number; readonly count: number }[]

export const spanOf = ({ windowMs, marginMs }: SlidingWindow): number => windowMs + marginMs

/** How late a requester may come to its place. */
export const graceOf = ({ marginMs }: SlidingWindow): number => Math.floor(marginMs / 2)

/** The instant that a place of now is kept under: earlier by less than a tenth of the margin, which the margin covers. */
export function roundDown(now: number, { marginMs }: SlidingWindow): number {
  return now - (now % Math.max(1, Math.floor(marginMs / 10)))
}

/**
 * The first instant, not before `from`, where one more place fits.
 *
 * Whenever `most` places lie within less than a span, from `first` to `last`, one more anywhere in the open interval
 * `(last − span, first + span)` would be one too many; everywhere else is free. Both ends of these intervals ascend with
 * `first`, so one walk along the log finds the instant.
 */
export function earliestReservation(log: ReservationLog, window: SlidingWindow, from: number): number {
  const span = spanOf(window)
  let at = from
  let total = 0
  let next = 0
  for (const first of log) {
    for (; total < window.maxCalls && next < log.length; next += 1) total += log[next]?.count ?? 0
    if (total < window.maxCalls) break
    const last = log[next - 1]?.at ?? first.at
    if (last - first.at < span && at > last - span && at < first.at + span) at = first.at + span
    total -= first.count
  }
  return at
}

/** The log with one place more (`change` 1) or less (−1) at an instant; one that is forgotten already changes nothing. */
export function withReservation(log: ReservationLog, at: number, change: 1 | -1): ReservationLog {
  const index = log.findLastIndex((entry) => entry.at <= at)
  const there = log[index]
  if (there?.at !== at) return change < 0 ? log : log.toSpliced(index + 1, 0, { at, count: 1 })
  const count = there.count + change
  return count > 0 ? log.with(index, { at, count }) : log.toSpliced(index, 1)
}

/** The log without what lies a whole span before `instant`, and so can stand in nobody's way any more. */
export function dropExpired(log: ReservationLog, instant: number, window: SlidingWindow): ReservationLog {
  const start = log.findIndex(({ at }) => at + spanOf(window) > instant)
  return start === 0 ? log : start < 0 ? [] : log.slice(start)
}
