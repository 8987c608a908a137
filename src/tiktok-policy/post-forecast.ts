import {
  dropExpired,
  earliestReservation,
  type ReservationLog,
  type SlidingWindow,
  withReservation,
} from '../rate-limit/sliding-window.ts'
import type { PlannedPost } from '../store/plan/planned-posts.ts'

/** A planned post that its creator's daily cap will delay. */
export interface LatePost extends PlannedPost {
  /** When the cap has capacity for it. */
  readonly capacityAt: Date
  /** Whether that is too late to post it without a person's decision. */
  readonly isTooLate: boolean
}

/**
 * Forecasts which planned posts of an account exceed the daily cap at their time, if each is posted as early as possible. Posts
 * that need a person's decision use no capacity. Instants are epoch milliseconds; `planned` is sorted by time.
 */
export function forecastLatePosts(
  { sentAt, planned }: { readonly sentAt: readonly number[]; readonly planned: readonly PlannedPost[] },
  {
    window,
    now,
    maxLatenessMs,
  }: { readonly window: SlidingWindow; readonly now: number; readonly maxLatenessMs: number },
): readonly LatePost[] {
  let log: ReservationLog = sentAt.reduce<ReservationLog>((kept, at) => withReservation(kept, at, 1), [])
  return planned.flatMap((post): readonly LatePost[] => {
    const dueAt = Math.max(now, post.publishAt.getTime())
    log = dropExpired(log, dueAt, window)
    const capacityAt = earliestReservation(log, window, dueAt)
    const isTooLate = capacityAt > post.publishAt.getTime() + maxLatenessMs
    if (!isTooLate) log = withReservation(log, capacityAt, 1)
    return capacityAt > dueAt ? [{ ...post, capacityAt: new Date(capacityAt), isTooLate }] : []
  })
}
