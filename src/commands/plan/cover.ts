import type { PostSettings } from '../../store/plan/slots.ts'
import { defaultCoverMs } from '../../storyboard/cover.ts'

/** The cover of a slot's post, in milliseconds from the start of its video. Null for a draft: its creator chooses it in the app. */
export function coverOf({
  mode,
  coverTimestampMs,
}: Pick<PostSettings, 'mode' | 'coverTimestampMs'>): number | null {
  return mode === 'draft' ? null : (coverTimestampMs ?? defaultCoverMs)
}

/** What is wrong with a chosen cover; null if nothing is. `seconds` is the length of the video; null if it is not known. */
export function problemOfCover(coverTimestampMs: number | null, seconds: number | null): string | null {
  if (coverTimestampMs === null) return null
  if (coverTimestampMs < 0) return 'must be 0 or more: milliseconds from the start of the video'
  const end = seconds === null ? Number.POSITIVE_INFINITY : Math.round(seconds * 1000)
  return coverTimestampMs < end ? null : `must be less than ${end}: the video lasts ${seconds} s`
}
