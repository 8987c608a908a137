import {
  earliestPlace,
  type PlaceLog,
  type SlidingWindow,
  since,
  withPlace,
} from '../rate-limit/sliding-window.ts'
import type { PlannedPost } from '../store/plan/planned-posts.ts'

/** A post that the cap of its creator will make wait. */
export interface LatePost extends PlannedPost {
  /** When the cap has room for it. */
  readonly roomAt: Date
  /** Whether that is too late for it to go out by itself. */
  readonly needsPerson: boolean
}

/**
 * Which of an account's planned posts find the cap full at their time, and until when, if each goes out as early as it may. Those
 * that a person has to decide about take no place. Instants in epoch milliseconds, `planned` in the order of their times.
 */
export function latePosts(
  { sentAt, planned }: { readonly sentAt: readonly number[]; readonly planned: readonly PlannedPost[] },
  {
    window,
    now,
    mostLatenessMs,
  }: { readonly window: SlidingWindow; readonly now: number; readonly mostLatenessMs: number },
): readonly LatePost[] {
  let log: PlaceLog = sentAt.reduce<PlaceLog>((places, at) => withPlace(places, at, 1), [])
  return planned.flatMap((post): readonly LatePost[] => {
    const due = Math.max(now, post.publishAt.getTime())
    log = since(log, due, window)
    const roomAt = earliestPlace(log, window, due)
    const needsPerson = roomAt > post.publishAt.getTime() + mostLatenessMs
    if (!needsPerson) log = withPlace(log, roomAt, 1)
    return roomAt > due ? [{ ...post, roomAt: new Date(roomAt), needsPerson }] : []
  })
}
