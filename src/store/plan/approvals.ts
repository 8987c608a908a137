import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { lockSlotsOf } from './slots.ts'

/** Whether a slot is what was approved: an `Approval` of the rules of clearance. */
export const approvalOfSlot = sql<string>`
  case when slot.approved_hash is null then 'none'
       when slot.approved_hash = approval_hash(slot) then 'current' else 'stale' end`

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
         and not exists (select from machine_instance job where job.slot_id = slot.id and job.context->>'sentAt' is not null)
       order by publish_at, id for update)
    update slot set approved_hash = null from locked where slot.id = locked.id`.execute(db)
}
