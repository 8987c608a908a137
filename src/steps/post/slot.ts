import { coverOf } from '../../commands/plan/cover.ts'
import type { PostInfo } from '../../providers/tiktok/post/start-upload.ts'
import type { Db } from '../../store/database.ts'
import { findSlotToPost, type SlotToPost } from '../../store/job/clearance.ts'
import type { SlotContent } from '../../store/plan/slots.ts'

/** A job's slot: what to post, and what decides whether it may be posted. Throws if it is missing: a claimed slot cannot be deleted. */
export async function readSlot(db: Db, organizationId: string, slotId: string): Promise<SlotToPost> {
  const slot = await findSlotToPost(db, organizationId, slotId)
  if (!slot) throw new Error(`the slot ${slotId} of a job is missing`)
  return slot
}

/** What the audience of a direct post will see. Throws for a draft, whose post info its creator writes in the app. */
export function postInfoOf(slot: SlotContent): PostInfo {
  const { privacy, isAigc } = slot
  const coverTimestampMs = coverOf(slot)
  if (privacy === null || isAigc === null || coverTimestampMs === null)
    throw new Error('a draft has no post info')
  return {
    title: slot.caption,
    privacyLevel: privacy,
    disableComment: !slot.allowComment,
    disableDuet: !slot.allowDuet,
    disableStitch: !slot.allowStitch,
    coverTimestampMs,
    brandContent: slot.brandContent,
    brandOrganic: slot.brandOrganic,
    isAigc,
  }
}
