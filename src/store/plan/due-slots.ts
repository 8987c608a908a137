import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Executor } from '../database.ts'
import { type LockedQuota, type LockedQuotaJson, lockedQuotaOf } from '../quota/locked-quota.ts'
import { previewedVideos } from './previews.ts'
import { slotSeconds } from './slot-length.ts'
import { lockOrganizationSlots } from './slots.ts'

/** A slot that may get a job, with the facts that decide it. */
export interface DueSlot {
  readonly slotId: string
  readonly accountId: string
  readonly publishAt: Date
  /** The length of its video, rounded up. */
  readonly seconds: number
  /** Whether its job generates the video. Otherwise it posts a media. */
  readonly isGenerated: boolean
  readonly planState: string
  readonly autopilot: boolean
  readonly locked: boolean
  readonly accountState: string
}

/** Whether a slot's job generates its video: it has a storyboard, and no preview has rendered that. */
export const isGeneratedSlot = sql<boolean>`(slot.media_id is null and not exists (select from ${previewedVideos}))`

const columns = sql`
  slot.id as "slotId", plan.account_id as "accountId", slot.publish_at as "publishAt", ${slotSeconds} as seconds,
  ${isGeneratedSlot} as "isGenerated",
  plan.state as "planState", plan.autopilot, plan.locked, machine.state as "accountState"`

/** The unclaimed slots between two instants, of plans that may still run. */
export const isDue = (
  organizationId: string | RawBuilder<unknown>,
  { from, to }: DueInterval,
) => sql<SqlBool>`
  slot.organization_id = ${organizationId} and slot.claimed_at is null
  and slot.publish_at >= ${from} and slot.publish_at < ${to} and plan.state <> 'archived'`

export interface DueInterval {
  readonly from: Date | RawBuilder<Date>
  readonly to: Date | RawBuilder<Date>
}

/** The interval around now, by the database's clock. */
export function dueIntervalNow({
  overdueDays,
  windowHours,
}: {
  readonly overdueDays: number
  readonly windowHours: number
}): DueInterval {
  return {
    from: sql`(now() - make_interval(days => ${overdueDays}))`,
    to: sql`(now() + make_interval(hours => ${windowHours}))`,
  }
}

/** Where a chunk of due slots ended: the next one begins after it. */
export interface SlotPosition {
  /** With the database's precision, which a `Date` would lose: the chunk would begin with its last slot again. */
  readonly publishAt: string
  readonly slotId: string
}

/**
 * Locks the unclaimed slots of an organization between two instants, until the end of the transaction: the first `limit` of them after a
 * position. A second scanner waits here and then finds them claimed. It does not skip what is locked: the quota is given to slots in
 * their order, and a slot that a command holds for a moment would wait for the next hour.
 */
export async function lockDueSlots(
  tx: Executor,
  organizationId: string,
  interval: DueInterval,
  {
    after = null,
    limit = null,
  }: { readonly after?: SlotPosition | null; readonly limit?: number | null } = {},
): Promise<readonly (DueSlot & { readonly position: SlotPosition })[]> {
  await lockOrganizationSlots(tx, organizationId)
  const { rows } = await sql<DueSlot & { position: string }>`
    select ${columns}, slot.publish_at::text as position
      from slot join plan on plan.id = slot.plan_id join machine_instance machine on machine.id = plan.account_id
     where ${isDue(organizationId, interval)}
       and (${after === null} or (slot.publish_at, slot.id) > (${after?.publishAt ?? null}::timestamptz, ${after?.slotId ?? null}::uuid))
     order by slot.publish_at, slot.id limit ${limit}
       for update of slot`.execute(tx)
  return rows.map((row) => ({ ...row, position: { publishAt: row.position, slotId: row.slotId } }))
}

/** What the start of one slot's job must know. */
export interface LockedStart {
  readonly slot: DueSlot
  /** Epoch milliseconds. */
  readonly at: number
  /** The slot's job, unless it was cancelled. */
  readonly existingJobId: string | null
  /** How many jobs of the slot were cancelled. */
  readonly cancelled: number
  /** An unfinished job with the key. */
  readonly runningJobId: string | null
  /** Locked if the slot has no job and its plan is approved. */
  readonly quota: LockedQuota | null
}

/**
 * Locks one slot until the end of the transaction, and if its job may start, the quota: in one round trip. Scans, edits and other starts
 * wait here.
 */
export async function lockSlotToStart(
  tx: Executor,
  {
    organizationId,
    slotId,
    jobKey,
  }: { readonly organizationId: string; readonly slotId: string; readonly jobKey: string | null },
): Promise<LockedStart | undefined> {
  const { rows } = await sql<DueSlot & { start: StartJson }>`
    with slot_to_start as materialized (
      select ${columns}
        from slot join plan on plan.id = slot.plan_id join machine_instance machine on machine.id = plan.account_id
       where slot.organization_id = ${organizationId} and slot.id = ${slotId}
         for update of slot
    )
    -- Called for the locked row, so it reads what is committed by now.
    select *, lock_start(${organizationId}, "slotId", "planState" = 'approved', ${jobKey}) as start from slot_to_start`.execute(
    tx,
  )
  const [row] = rows
  if (!row) return undefined
  const { start, ...slot } = row
  return {
    slot,
    at: start.at,
    existingJobId: start.existing,
    cancelled: start.cancelled,
    runningJobId: start.running,
    quota: start.quota && lockedQuotaOf(start.quota),
  }
}

interface StartJson {
  readonly at: number
  readonly existing: string | null
  readonly cancelled: number
  readonly running: string | null
  readonly quota: LockedQuotaJson | null
}

/** The organizations that have due slots. */
export async function listOrganizationsWithDueSlots(
  db: Executor,
  interval: DueInterval,
): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from organization
     where exists (select from slot join plan on plan.id = slot.plan_id
                    where ${isDue(sql.ref('organization.id'), interval)})
     order by id`.execute(db)
  return rows.map(({ id }) => id)
}
