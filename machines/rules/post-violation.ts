/**
 * Maximum caption length in UTF-16 code units. TikTok counts "UTF-16 runes"; code units, JavaScript's `length`, are the
 * stricter reading. Source: Content Posting API, direct post, `post_info.title`.
 */
export const maxCaptionLength = 2_200

export function captionFits(caption: string): boolean {
  return caption.length <= maxCaptionLength
}

/** A creator's settings, as TikTok last reported them. */
export interface CreatorLimits {
  /** As TikTok lists them. Unknown levels are kept for display. */
  readonly privacyLevelOptions: readonly string[]
  readonly commentDisabled: boolean
  readonly duetDisabled: boolean
  readonly stitchDisabled: boolean
  readonly maxDurationSeconds: number
}

/** A rule that a planned post breaks: the planned value, and what this creator allows. */
export type PostViolation =
  | { readonly rule: 'caption'; readonly value: number; readonly limit: number }
  | { readonly rule: 'duration'; readonly value: number; readonly limit: number }
  /** No privacy level was chosen. TikTok allows no default. */
  | { readonly rule: 'privacyMissing'; readonly value: 'none'; readonly limit: readonly string[] }
  | { readonly rule: 'privacyLevel'; readonly value: string; readonly limit: readonly string[] }
  | { readonly rule: 'comment' | 'duet' | 'stitch'; readonly value: 'enabled'; readonly limit: 'disabled' }
  | { readonly rule: 'brandedPrivate'; readonly value: 'SELF_ONLY'; readonly limit: 'visible' }

export interface PlannedPost {
  readonly post: {
    readonly title: string
    /** Null until chosen. */
    readonly privacyLevel: string | null
    readonly disableComment: boolean
    readonly disableDuet: boolean
    readonly disableStitch: boolean
    readonly brandContent: boolean
  }
  readonly durationSeconds: number
}

/**
 * The rules of TikTok's `creator_info` that a post breaks; empty if it may be posted.
 *
 * TikTok's audit checks all of them (content sharing guidelines), but its API reports only the privacy level.
 */
export function postViolations(
  creator: CreatorLimits,
  { post, durationSeconds }: PlannedPost,
): readonly PostViolation[] {
  const violations: PostViolation[] = []
  if (!captionFits(post.title)) {
    violations.push({ rule: 'caption', value: post.title.length, limit: maxCaptionLength })
  }
  if (durationSeconds > creator.maxDurationSeconds) {
    violations.push({ rule: 'duration', value: durationSeconds, limit: creator.maxDurationSeconds })
  }
  if (post.privacyLevel === null) {
    violations.push({ rule: 'privacyMissing', value: 'none', limit: creator.privacyLevelOptions })
  } else if (!creator.privacyLevelOptions.includes(post.privacyLevel)) {
    violations.push({ rule: 'privacyLevel', value: post.privacyLevel, limit: creator.privacyLevelOptions })
  }
  const toggles = [
    ['comment', creator.commentDisabled, post.disableComment],
    ['duet', creator.duetDisabled, post.disableDuet],
    ['stitch', creator.stitchDisabled, post.disableStitch],
  ] as const
  for (const [rule, creatorForbids, postForbids] of toggles) {
    if (creatorForbids && !postForbids) violations.push({ rule, value: 'enabled', limit: 'disabled' })
  }
  if (post.brandContent && post.privacyLevel === 'SELF_ONLY') {
    violations.push({ rule: 'brandedPrivate', value: 'SELF_ONLY', limit: 'visible' })
  }
  return violations
}

/** Describes a violation for people. */
export function describeViolation(violation: PostViolation): string {
  switch (violation.rule) {
    case 'caption':
      return `is ${violation.value} UTF-16 code units long; TikTok takes at most ${violation.limit}`
    case 'duration':
      return `lasts ${violation.value} s; this creator may post at most ${violation.limit} s`
    case 'privacyMissing':
      return `must be chosen; this creator offers ${violation.limit.join(', ')}`
    case 'privacyLevel':
      return `${violation.value} is not offered by this creator, who offers ${violation.limit.join(', ')}`
    case 'comment':
    case 'duet':
    case 'stitch':
      return `cannot be allowed: this creator has turned ${nounOf[violation.rule]} off`
    case 'brandedPrivate':
      return 'TikTok does not take paid partnerships that only their creator can see'
  }
}

const nounOf = { comment: 'comments', duet: 'duets', stitch: 'stitches' } as const
