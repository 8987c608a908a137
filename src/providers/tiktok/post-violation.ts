import { captionFits, captionLimit } from './caption.ts'
import type { CreatorInfo } from './creator.ts'
import type { PostInfo } from './init-direct-post.ts'

/** One rule that a wanted post breaks: what was wanted, and what this creator may have. */
export type PostViolation =
  | { readonly rule: 'caption'; readonly value: number; readonly limit: number }
  | { readonly rule: 'duration'; readonly value: number; readonly limit: number }
  /** Nobody chose one: TikTok wants the creator to, from these, and allows no default. */
  | { readonly rule: 'privacyMissing'; readonly value: 'none'; readonly limit: readonly string[] }
  | { readonly rule: 'privacyLevel'; readonly value: string; readonly limit: readonly string[] }
  | { readonly rule: 'comment' | 'duet' | 'stitch'; readonly value: 'enabled'; readonly limit: 'disabled' }
  | { readonly rule: 'brandedPrivate'; readonly value: 'SELF_ONLY'; readonly limit: 'visible' }

export interface WantedPost {
  readonly post: Omit<PostInfo, 'privacyLevel'> & {
    /** Null until somebody chose. */
    readonly privacyLevel: PostInfo['privacyLevel'] | null
  }
  readonly durationSeconds: number
}

/**
 * What stands against a post, by what `creator_info` said a moment ago; empty means that it may go out.
 *
 * The audit looks for each of these (TikTok's content sharing guidelines), yet only the privacy level has an error code of
 * its own: nobody else will catch the rest.
 */
export function postViolations(
  creator: CreatorInfo,
  { post, durationSeconds }: WantedPost,
): readonly PostViolation[] {
  const violations: PostViolation[] = []
  if (!captionFits(post.title)) {
    violations.push({ rule: 'caption', value: post.title.length, limit: captionLimit })
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
