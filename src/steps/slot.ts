import type { Db } from '../store/database.ts'
import { findSlots, type SlotContent } from '../store/slot-store.ts'

/** What a job's slot asks for; it cannot change or go once a job has claimed it. */
export async function readSlot(db: Db, organizationId: string, slotId: string): Promise<SlotContent> {
  const [slot] = await findSlots(db, organizationId, [slotId])
  if (!slot) throw new Error(`the slot ${slotId} of a job is gone`)
  return slot
}
