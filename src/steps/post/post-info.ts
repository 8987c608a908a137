import type { PostInfo } from '../../providers/tiktok/post/start-upload.ts'
import type { SlotContent } from '../../store/plan/slots.ts'

/** What the audience of a direct post will see. Throws for a draft, whose creator writes it in the app. */
export function postInfoOf(slot: SlotContent): PostInfo {
  if (slot.privacy === null) throw new Error('a draft has nothing that could be posted directly')
  return {
    title: slot.caption,
    privacyLevel: slot.privacy,
    disableComment: !slot.allowComment,
    disableDuet: !slot.allowDuet,
    disableStitch: !slot.allowStitch,
    brandContent: slot.brandContent,
    brandOrganic: slot.brandOrganic,
    isAigc: slot.isAigc,
  }
}
