import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { lockOrganizationSlots } from './slots.ts'

/** Whether a slot is unchanged since its approval: an `Approval` of the clearance rules. */
export const approvalOfSlot = sql<string>`
  case when slot.approved_hash is null then 'none'
       when slot.approved_hash = approval_hash(slot) then 'current' else 'stale' end`

/** Approves the slots of a plan in their current form. */
export async function approveSlots(db: Executor, organizationId: string, planId: string): Promise<void> {
  await lockOrganizationSlots(db, organizationId)
  await sql`
    with locked as (
      select id from slot where organization_id = ${organizationId} and plan_id = ${planId}
       order by publish_at, id for update)
    update slot set approved_hash = approval_hash(slot) from locked where slot.id = locked.id`.execute(db)
}

/** Withdraws the approval of a plan's slots, except of those whose post was sent. */
export async function withdrawApprovals(db: Executor, organizationId: string, planId: string): Promise<void> {
  await lockOrganizationSlots(db, organizationId)
  await sql`
    with locked as (
      select id from slot
       where organization_id = ${organizationId} and plan_id = ${planId} and approved_hash is not null
         and not exists (select from machine_instance job where job.slot_id = slot.id and job.context->>'sentAt' is not null)
       order by publish_at, id for update)
    update slot set approved_hash = null from locked where slot.id = locked.id`.execute(db)
}
