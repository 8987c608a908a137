import {
  type CreatorLimits,
  type PostViolation,
  postViolations,
} from '../../../machines/rules/post-violation.ts'
import type { SlotSettings } from '../../store/plan/slot-settings.ts'

/** Which field of a slot breaks a rule of its creator's. */
const fieldOf = {
  duration: 'storyboard',
  privacyLevel: 'privacy',
  comment: 'allowComment',
  duet: 'allowDuet',
  stitch: 'allowStitch',
} as const
type CreatorRule = keyof typeof fieldOf

export type CreatorViolation = Extract<PostViolation, { rule: CreatorRule }> & {
  readonly field: (typeof fieldOf)[CreatorRule]
}

/**
 * Which of a creator's own rules a slot breaks, as they were said last. None of a draft, whose creator chooses in the app, and none
 * while nothing is known of the creator: they are asked again before the post is opened in any case.
 */
export function creatorViolations(
  creator: CreatorLimits | null,
  wish: SlotSettings,
): readonly CreatorViolation[] {
  if (creator === null || wish.mode === 'draft') return []
  const post = {
    // What holds for every creator is the slot's own to check.
    title: '',
    brandContent: false,
    privacyLevel: wish.privacy,
    disableComment: !wish.allowComment,
    disableDuet: !wish.allowDuet,
    disableStitch: !wish.allowStitch,
  }
  return postViolations(creator, { post, durationSeconds: wish.seconds }).flatMap((violation) =>
    isOfCreator(violation) ? [{ ...violation, field: fieldOf[violation.rule] }] : [],
  )
}

function isOfCreator(violation: PostViolation): violation is Extract<PostViolation, { rule: CreatorRule }> {
  return Object.hasOwn(fieldOf, violation.rule)
}
