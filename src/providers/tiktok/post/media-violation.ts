/** What a video file is, as a probe reads it without decoding. */
export interface MediaFacts {
  /** `mp4`, `mov` or `webm`, also as a media type: `video/mp4`, `video/quicktime`, `video/webm`. */
  readonly container: string
  /** `h264`/`avc`, `h265`/`hevc`, `vp8` or `vp9`; null without a video track. */
  readonly videoCodec: string | null
  /** TikTok states no rule for it. */
  readonly audioCodec: string | null
  /** As shown, so after any rotation. */
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
  readonly seconds: number
  readonly bytes: number
}

/** One rule of TikTok's that a file breaks. */
export interface MediaViolation {
  readonly rule: 'container' | 'videoCodec' | 'width' | 'height' | 'frameRate' | 'duration' | 'bytes'
  readonly value: string | number | null
  /** What may be: the allowed words, or the bound that the value is beyond. */
  readonly limit: readonly string[] | number
  readonly failReason: MediaFailReason
}

/** TikTok's own word, had it been sent the file: a `fail_reason`, or for the bytes the code of the init. */
export type MediaFailReason =
  | 'file_format_check_failed'
  | 'picture_size_check_failed'
  | 'frame_rate_check_failed'
  | 'duration_check_failed'
  | 'invalid_params'

/** At least and at most, both allowed. */
type Span = readonly [least: number, most: number]

const containers = ['mp4', 'mov', 'webm']
const videoCodecs = ['h264', 'h265', 'vp8', 'vp9']
const sidePixels: Span = [360, 4096]
const framesPerSecond: Span = [23, 60]
const longestUploadSeconds = 600
// "4 GB" in the smaller of its two readings, as in `planChunks`.
const videoBytes: Span = [1, 4_000_000_000]

/**
 * What TikTok would reject a file for, mostly after its upload; empty means that it may be sent. A fact that is not a number
 * breaks its rule.
 *
 * `maxDurationSeconds` is the creator's own, from `creator_info`; unless told it is ten minutes, the most that TikTok's
 * pages name for an upload. Source: media transfer guide, "restrictions".
 */
export function mediaViolations(
  facts: MediaFacts,
  { maxDurationSeconds = longestUploadSeconds }: { readonly maxDurationSeconds?: number } = {},
): readonly MediaViolation[] {
  return [
    oneOf('container', facts.container, containers),
    oneOf('videoCodec', facts.videoCodec, videoCodecs),
    within('width', facts.width, sidePixels, 'picture_size_check_failed'),
    within('height', facts.height, sidePixels, 'picture_size_check_failed'),
    within('frameRate', hundredths(facts.framesPerSecond), framesPerSecond, 'frame_rate_check_failed'),
    within('duration', facts.seconds, [0, maxDurationSeconds], 'duration_check_failed'),
    within('bytes', facts.bytes, videoBytes, 'invalid_params'),
  ].filter((violation) => violation !== undefined)
}

function oneOf(
  rule: MediaViolation['rule'],
  value: string | null,
  limit: readonly string[],
): MediaViolation | undefined {
  const name = value?.toLowerCase().replace(/^video\//, '') ?? ''
  if (limit.includes(otherNames[name] ?? name)) return undefined
  return { rule, value, limit, failReason: 'file_format_check_failed' }
}

const otherNames: Readonly<Record<string, string | undefined>> = {
  quicktime: 'mov',
  avc: 'h264',
  hevc: 'h265',
}

/**
 * As exact as a measured rate is: timestamps are rounded in a file, so that an honest 60 reads 60.003. What is more than
 * that above 60, as files of variable rate are, TikTok has refused.
 */
function hundredths(rate: number): number {
  return Math.round(rate * 100) / 100
}

function within(
  rule: MediaViolation['rule'],
  value: number,
  [least, most]: Span,
  failReason: MediaFailReason,
): MediaViolation | undefined {
  if (value >= least && value <= most) return undefined
  return { rule, value, limit: value < least ? least : most, failReason }
}
