import {
  type CreatorLimits,
  type PostViolation,
  postViolations,
} from '../../../machines/rules/post-violation.ts'
import type { SlotSettings } from '../../store/plan/slot-settings.ts'

/** The slot field that each of a creator's rules restricts. */
const fieldOf = {
  duration: 'storyboard',
  privacyLevel: 'privacy',
  comment: 'allowComment',
  duet: 'allowDuet',
  stitch: 'allowStitch',
} as const
type CreatorRule = keyof typeof fieldOf

export type CreatorViolation = Extract<PostViolation, { rule: CreatorRule }> & {
  readonly field: string
}

/**
 * Returns which of the creator's rules, as TikTok last reported them, a slot violates. Returns none for a draft, whose creator
 * chooses in the app, and none while the rules are unknown: they are read again before the post is opened.
 */
export function creatorViolations(
  creator: CreatorLimits | null,
  settings: SlotSettings,
): readonly CreatorViolation[] {
  if (creator === null || settings.mode === 'draft') return []
  const post = {
    // Rules that hold for every creator are checked by `validateSlot`.
    title: '',
    brandContent: false,
    privacyLevel: settings.privacy,
    disableComment: !settings.allowComment,
    disableDuet: !settings.allowDuet,
    disableStitch: !settings.allowStitch,
  }
  return postViolations(creator, { post, durationSeconds: settings.seconds }).flatMap((violation) =>
    isOfCreator(violation) ? [{ ...violation, field: fieldNameOf(violation.rule, settings) }] : [],
  )
}

function fieldNameOf(rule: CreatorRule, { isGenerated }: SlotSettings): string {
  return rule === 'duration' && !isGenerated ? 'content.mediaId' : fieldOf[rule]
}

function isOfCreator(violation: PostViolation): violation is Extract<PostViolation, { rule: CreatorRule }> {
  return Object.hasOwn(fieldOf, violation.rule)
}
