import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { isGeneratedSlot } from './due-slots.ts'
import { slotSeconds } from './slot-length.ts'

/** A slot whose job will reserve quota. */
export interface PlannedSlot {
  readonly publishAt: Date
  /** The length of its video, rounded up. */
  readonly seconds: number
  /** Whether its job generates the video. Otherwise it posts a media. */
  readonly isGenerated: boolean
  /** Whether it belongs to the requested plan. */
  readonly isOwn: boolean
}

/** Bounds the forecast. One call may add 400 slots to a plan. */
const maxSlots = 5_000

/** Lists the slots of a plan without a job, and those of other plans that scans will start too, from `from` on, the earliest first. */
export async function listPlannedSlots(
  db: Executor,
  organizationId: string,
  { planId, from }: { readonly planId: string; readonly from: Date },
): Promise<readonly PlannedSlot[]> {
  const { rows } = await sql<PlannedSlot>`
    select slot.publish_at as "publishAt", ${slotSeconds} as seconds,
           ${isGeneratedSlot} as "isGenerated", slot.plan_id = ${planId} as "isOwn"
      from slot join plan on plan.id = slot.plan_id
     where slot.organization_id = ${organizationId} and slot.claimed_at is null and slot.publish_at >= ${from}
       and (slot.plan_id = ${planId} or (plan.state = 'approved' and plan.autopilot and not plan.locked))
     order by slot.publish_at, slot.id limit ${maxSlots}`.execute(db)
  return rows
}
