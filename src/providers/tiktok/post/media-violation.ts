/** A video file's properties, as a probe reads them without decoding. */
export interface MediaFacts {
  /** `mp4`, `mov` or `webm`, also as a media type: `video/mp4`, `video/quicktime`, `video/webm`. */
  readonly container: string
  /** `h264`/`avc`, `h265`/`hevc`, `vp8` or `vp9`; null without a video track. */
  readonly videoCodec: string | null
  /** TikTok documents no rule for it. */
  readonly audioCodec: string | null
  /** As displayed, after any rotation. */
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
  readonly seconds: number
  readonly bytes: number
}

/** A rule of TikTok's that a file breaks. */
export interface MediaViolation {
  readonly rule: 'container' | 'videoCodec' | 'width' | 'height' | 'frameRate' | 'duration' | 'bytes'
  readonly value: string | number | null
  /** The allowed values, or the bound that the value exceeds. */
  readonly limit: readonly string[] | number
  readonly failReason: MediaFailReason
}

/** The code that TikTok would answer for the file: a `fail_reason`, or for its size the error code of the init. */
export type MediaFailReason =
  | 'file_format_check_failed'
  | 'picture_size_check_failed'
  | 'frame_rate_check_failed'
  | 'duration_check_failed'
  | 'invalid_params'

/** Both bounds are inclusive. */
type Range = readonly [min: number, max: number]

const containers = ['mp4', 'mov', 'webm']
const videoCodecs = ['h264', 'h265', 'vp8', 'vp9']
const sidePixels: Range = [360, 4096]
const framesPerSecond: Range = [23, 60]
const maxUploadSeconds = 600
// TikTok's "4 GB" in the smaller of its two readings, as in `planChunks`.
const videoBytes: Range = [1, 4_000_000_000]

/**
 * The rules that a file breaks; empty if it may be sent. TikTok checks most of them only after the upload. NaN breaks its
 * rule.
 *
 * `maxDurationSeconds` is the creator's limit from `creator_info`. Default: 600, the longest upload that TikTok documents.
 * Source: media transfer guide, "restrictions".
 */
export function mediaViolations(
  facts: MediaFacts,
  { maxDurationSeconds = maxUploadSeconds }: { readonly maxDurationSeconds?: number } = {},
): readonly MediaViolation[] {
  return [
    oneOf('container', facts.container, containers),
    oneOf('videoCodec', facts.videoCodec, videoCodecs),
    within('width', facts.width, sidePixels, 'picture_size_check_failed'),
    within('height', facts.height, sidePixels, 'picture_size_check_failed'),
    within('frameRate', roundToHundredths(facts.framesPerSecond), framesPerSecond, 'frame_rate_check_failed'),
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
 * Rounds a measured frame rate to hundredths: a file's timestamps are rounded, so that a true 60 reads as 60.003. TikTok has
 * refused files that are further above 60, as files with a variable frame rate are.
 */
function roundToHundredths(rate: number): number {
  return Math.round(rate * 100) / 100
}

function within(
  rule: MediaViolation['rule'],
  value: number,
  [min, max]: Range,
  failReason: MediaFailReason,
): MediaViolation | undefined {
  if (value >= min && value <= max) return undefined
  return { rule, value, limit: value < min ? min : max, failReason }
}
