import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { lockOrganizationSlots } from './slots.ts'

/** A slot that may get a job, with the facts that decide it. */
export interface DueSlot {
  readonly slotId: string
  readonly accountId: string
  readonly publishAt: Date
  /** The length of its video, rounded up. */
  readonly seconds: number
  readonly planState: string
  readonly autopilot: boolean
  readonly locked: boolean
  readonly accountState: string
}

/** The length of a slot's video in whole seconds; 0 if its storyboard has none, which its job will report. */
export const slotSeconds = sql<number>`(
  select coalesce(ceil(sum((seconds #>> '{}')::numeric)), 0)::int
    from jsonb_path_query(slot.storyboard, '$.scenes[*].seconds ? (@.type() == "number")') as seconds)`

const columns = sql`
  slot.id as "slotId", plan.account_id as "accountId", slot.publish_at as "publishAt", ${slotSeconds} as seconds,
  plan.state as "planState", plan.autopilot, plan.locked, machine.state as "accountState"`

/**
 * Locks the unclaimed slots of an organization between two instants, until the end of the transaction. A second scanner waits here and
 * then finds them claimed.
 */
export async function lockDueSlots(
  tx: Executor,
  organizationId: string,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<readonly DueSlot[]> {
  await lockOrganizationSlots(tx, organizationId)
  const { rows } = await sql<DueSlot>`
    select ${columns}
      from slot join plan on plan.id = slot.plan_id join machine_instance machine on machine.id = plan.account_id
     where slot.organization_id = ${organizationId} and slot.claimed_at is null
       and slot.publish_at >= ${from} and slot.publish_at < ${to} and plan.state <> 'archived'
     order by slot.publish_at, slot.id
       for update of slot`.execute(tx)
  return rows
}

/** Locks one slot until the end of the transaction. Scans, edits and starts of its job wait here. */
export async function lockSlotToStart(
  tx: Executor,
  organizationId: string,
  slotId: string,
): Promise<DueSlot | undefined> {
  const { rows } = await sql<DueSlot>`
    select ${columns}
      from slot join plan on plan.id = slot.plan_id join machine_instance machine on machine.id = plan.account_id
     where slot.organization_id = ${organizationId} and slot.id = ${slotId}
       for update of slot`.execute(tx)
  return rows[0]
}
