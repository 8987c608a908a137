import type { Db } from '../../store/database.ts'
import { findSlotToPost, type SlotToPost } from '../../store/job/clearance.ts'

/** What a job's slot asks for, and what decides whether it may be posted; it cannot go once a job has claimed it. */
export async function readSlot(db: Db, organizationId: string, slotId: string): Promise<SlotToPost> {
  const slot = await findSlotToPost(db, organizationId, slotId)
  if (!slot) throw new Error(`the slot ${slotId} of a job is gone`)
  return slot
}
