import { sql } from 'kysely'
import type { Executor } from './database.ts'

/** A slot that may become a job, with what decides about it. */
export interface DueSlot {
  readonly slotId: string
  readonly accountId: string
  readonly publishAt: Date
  readonly planState: string
  readonly autopilot: boolean
  readonly locked: boolean
  readonly accountState: string
}

/**
 * The slots of an organization between two instants that no job has claimed, locked until the end of the
 * transaction: a second scanner waits here and then finds them claimed.
 */
export async function lockDueSlots(
  tx: Executor,
  organizationId: string,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<readonly DueSlot[]> {
  const { rows } = await sql<DueSlot>`
    select slot.id as "slotId", plan.account_id as "accountId", slot.publish_at as "publishAt",
           plan.state as "planState", plan.autopilot, plan.locked, machine.state as "accountState"
      from slot join plan on plan.id = slot.plan_id join job machine on machine.id = plan.account_id
     where slot.organization_id = ${organizationId} and slot.claimed_at is null
       and slot.publish_at >= ${from} and slot.publish_at < ${to} and plan.state <> 'archived'
     order by slot.publish_at, slot.id
       for update of slot`.execute(tx)
  return rows
}
