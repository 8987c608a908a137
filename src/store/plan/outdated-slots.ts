import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** A slot whose instant was computed with older time zone data. */
export interface OutdatedSlot {
  readonly id: string
  readonly wallTime: string
  readonly publishAt: Date
  readonly tzdataVersion: string
  readonly isClaimed: boolean
}

/** Includes slots that are past by less than a day: under the newer data they may be in the future. */
const isOutdated = (version: string) => sql`
  slot.tzdata_version < ${version} and slot.publish_at > clock_timestamp() - interval '1 day'`

/** Lists plans with outdated slots. */
export async function listOutdatedPlans(
  db: Executor,
  version: string,
  limit: number,
): Promise<readonly { readonly organizationId: string; readonly planId: string }[]> {
  const { rows } = await sql<{ organizationId: string; planId: string }>`
    select distinct slot.organization_id as "organizationId", slot.plan_id as "planId"
      from slot join plan on plan.id = slot.plan_id
     where ${isOutdated(version)} and plan.state <> 'archived'
     order by 1, 2 limit ${limit}`.execute(db)
  return rows
}

/** Locks the outdated slots of a plan. Requires `lockPlan` and `lockOrganizationSlots`. */
export async function lockOutdatedSlots(
  tx: Executor,
  planId: string,
  version: string,
  limit: number,
): Promise<readonly OutdatedSlot[]> {
  const { rows } = await sql<OutdatedSlot>`
    select id, wall_time as "wallTime", publish_at as "publishAt", tzdata_version as "tzdataVersion",
           claimed_at is not null as "isClaimed"
      from slot
     where plan_id = ${planId} and ${isOutdated(version)}
     order by publish_at, id limit ${limit} for update`.execute(tx)
  return rows
}

/** Locks the unfinished jobs of slots until the end of the transaction, and returns their ids by slot. */
export async function lockJobsOfSlots(
  tx: Executor,
  slotIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql<{ id: string; slotId: string }>`
    select id, slot_id as "slotId" from machine_instance
     where slot_id = any(${slotIds}::uuid[]) and tag <> 'final'
     order by id for no key update`.execute(tx)
  return new Map(rows.map(({ id, slotId }) => [slotId, id]))
}
