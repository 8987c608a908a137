/**
 * At most `maxCalls` calls in any interval of `windowMs`, as the upstream counts them.
 *
 * We count the instant when a call is granted, the upstream counts the instant when it arrives. A grant is therefore a
 * **reservation**: an instant `p` that permits one call which arrives within `[p, p + marginMs]`. Reservations are made so that
 * any `maxCalls + 1` of them span `windowMs + marginMs` (the *span*) or more. So the first and the last of these calls, which
 * arrive at `s`, keep the limit: `s_last ≥ p_last ≥ p_first + windowMs + marginMs ≥ s_first + windowMs`.
 *
 * The margin pays for all inaccuracy. Half of it is the grace of a requester that claims its reservation late (`graceOf`). The
 * rest covers the way to the upstream, a clock that is stepped, and rounding: reservations within a tenth of a margin are kept
 * as one instant (`roundDown`), which bounds the log to about `10 · span / margin` instants, whatever `maxCalls` is.
 */
export interface SlidingWindow {
  readonly maxCalls: number
  readonly windowMs: number
  readonly marginMs: number
}

/** The number of reservations at each instant, past and future, ascending. */
export type ReservationLog = readonly { readonly at: number; readonly count: number }[]

export const spanOf = ({ windowMs, marginMs }: SlidingWindow): number => windowMs + marginMs

/** How late a requester may claim its reservation. */
export const graceOf = ({ marginMs }: SlidingWindow): number => Math.floor(marginMs / 2)

/** The instant under which a reservation made now is kept: earlier by less than a tenth of the margin, which covers it. */
export function roundDown(now: number, { marginMs }: SlidingWindow): number {
  return now - (now % Math.max(1, Math.floor(marginMs / 10)))
}

/**
 * The first instant, not before `from`, where one more reservation fits.
 *
 * Whenever `maxCalls` reservations lie within less than a span, from `first` to `last`, the open interval
 * `(last − span, first + span)` is full; every other instant is free. Both ends of these intervals ascend with `first`, so one
 * pass over the log finds the instant.
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

/** Adds (`change` 1) or removes (−1) a reservation at an instant. Removing an expired one changes nothing. */
export function withReservation(log: ReservationLog, at: number, change: 1 | -1): ReservationLog {
  const index = log.findLastIndex((entry) => entry.at <= at)
  const entry = log[index]
  if (entry?.at !== at) return change < 0 ? log : log.toSpliced(index + 1, 0, { at, count: 1 })
  const count = entry.count + change
  return count > 0 ? log.with(index, { at, count }) : log.toSpliced(index, 1)
}

/** Drops the reservations that are a whole span older than `instant`: they cannot affect a new one. */
export function dropExpired(log: ReservationLog, instant: number, window: SlidingWindow): ReservationLog {
  const start = log.findIndex(({ at }) => at + spanOf(window) > instant)
  return start === 0 ? log : start < 0 ? [] : log.slice(start)
}
