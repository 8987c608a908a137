import type { SlotContent } from '../../store/plan/slots.ts'
import { defaultCoverMs } from '../../storyboard/cover.ts'

/**
 * The cover of a slot's post, in milliseconds from the start of its video: the chosen frame, or else the first one whose caption is
 * complete, or the first one of a media. Null for a draft: its creator chooses it in the app.
 */
export function coverOf({
  mode,
  mediaId,
  coverTimestampMs,
}: Pick<SlotContent, 'mode' | 'mediaId' | 'coverTimestampMs'>): number | null {
  if (mode === 'draft') return null
  return coverTimestampMs ?? (mediaId === null ? defaultCoverMs : 0)
}

/** What is wrong with a chosen cover; null if nothing is. `seconds` is the length of the video; null if it is not known. */
export function problemOfCover(coverTimestampMs: number | null, seconds: number | null): string | null {
  if (coverTimestampMs === null) return null
  if (coverTimestampMs < 0) return 'must be 0 or more: milliseconds from the start of the video'
  const end = seconds === null ? Number.POSITIVE_INFINITY : Math.round(seconds * 1000)
  return coverTimestampMs < end ? null : `must be less than ${end}: the video lasts ${seconds} s`
}
