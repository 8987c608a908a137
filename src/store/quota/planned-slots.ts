import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { slotSeconds } from '../plan/due-slots.ts'

/** A slot that will ask for quota. */
export interface PlannedSlot {
  readonly publishAt: Date
  /** The length of its video, rounded up. */
  readonly seconds: number
  /** Whether it belongs to the plan in question. */
  readonly isOwn: boolean
}

/** More than these are not looked at; a plan may have 400 slots at a time added. */
const mostSlots = 5_000

/**
 * The slots of a plan that have no job yet, and those of other plans that scans will start jobs for as well, in the order in
 * which they fall due, none due before `from`.
 */
export async function listPlannedSlots(
  db: Executor,
  organizationId: string,
  { planId, from }: { readonly planId: string; readonly from: Date },
): Promise<readonly PlannedSlot[]> {
  const { rows } = await sql<PlannedSlot>`
    select slot.publish_at as "publishAt", ${slotSeconds} as seconds, slot.plan_id = ${planId} as "isOwn"
      from slot join plan on plan.id = slot.plan_id
     where slot.organization_id = ${organizationId} and slot.claimed_at is null and slot.publish_at >= ${from}
       and (slot.plan_id = ${planId} or (plan.state = 'approved' and plan.autopilot and not plan.locked))
     order by slot.publish_at, slot.id limit ${mostSlots}`.execute(db)
  return rows
}
