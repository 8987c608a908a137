import { sql } from 'kysely'
import type { Executor } from './database.ts'
import { lockSlotsOf, type SlotContent, slotColumns } from './slot-store.ts'

/**
 * Whether what a slot says is what was approved: it is; nobody has approved it since it was last edited; or it was changed past
 * the API after its approval.
 */
export type Approval = 'current' | 'none' | 'stale'

/** What will be posted, and whether that was approved: read at once, so that what is posted is what was compared. */
export interface SlotToPost extends SlotContent {
  readonly approval: Approval
}

export async function findSlotToPost(
  db: Executor,
  organizationId: string,
  slotId: string,
): Promise<SlotToPost | undefined> {
  const { rows } = await sql<SlotToPost>`
    select ${slotColumns},
           case when approved_hash is null then 'none'
                when approved_hash = approval_hash(slot) then 'current' else 'stale' end as approval
      from slot where organization_id = ${organizationId} and id = ${slotId}`.execute(db)
  return rows[0]
}

/** Keeps of each slot of a plan that it is approved as it is now. */
export async function approveSlots(db: Executor, organizationId: string, planId: string): Promise<void> {
  await lockSlotsOf(db, organizationId)
  await sql`
    with locked as (
      select id from slot where organization_id = ${organizationId} and plan_id = ${planId}
       order by publish_at, id for update)
    update slot set approved_hash = approval_hash(slot) from locked where slot.id = locked.id`.execute(db)
}

/** Takes back what was approved of a plan's slots, but for those whose post was sent. */
export async function withdrawApprovals(db: Executor, organizationId: string, planId: string): Promise<void> {
  await lockSlotsOf(db, organizationId)
  await sql`
    with locked as (
      select id from slot
       where organization_id = ${organizationId} and plan_id = ${planId} and approved_hash is not null
         and not exists (select from job where job.slot_id = slot.id and job.context->>'sentAt' is not null)
       order by publish_at, id for update)
    update slot set approved_hash = null from locked where slot.id = locked.id`.execute(db)
}
