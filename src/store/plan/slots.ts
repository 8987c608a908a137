import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { keyset, type Page, type Placed } from '../paging.ts'
import type { Privacy, SlotMode } from '../tables.ts'

/** What a person writes about a post. */
export interface SlotContent {
  readonly wallTime: string
  /** The instant that the wall time means in the plan's zone. */
  readonly publishAt: Date
  /** The version of the time zone data that says so; empty if it is not known. */
  readonly tzdataVersion: string
  readonly storyboard: object
  readonly mode: SlotMode
  readonly caption: string
  /** Null for a draft: its creator chooses in the app. */
  readonly privacy: Privacy | null
  readonly allowComment: boolean
  readonly allowDuet: boolean
  readonly allowStitch: boolean
  readonly brandContent: boolean
  readonly brandOrganic: boolean
  /** Whether TikTok labels it as made by AI. */
  readonly isAigc: boolean
}

export interface SlotRecord extends SlotContent {
  readonly id: string
  readonly planId: string
  readonly claimedAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

export const slotColumns = sql.raw(
  `id, plan_id as "planId", wall_time as "wallTime", publish_at as "publishAt", tzdata_version as "tzdataVersion",
   storyboard, mode, caption, privacy,
   allow_comment as "allowComment", allow_duet as "allowDuet", allow_stitch as "allowStitch",
   brand_content as "brandContent", brand_organic as "brandOrganic",
   is_aigc as "isAigc",
   claimed_at as "claimedAt", created_at as "createdAt", updated_at as "updatedAt"`,
)

export async function findSlots(
  db: Executor,
  organizationId: string,
  ids: readonly string[],
): Promise<readonly SlotRecord[]> {
  const { rows } = await sql<SlotRecord>`
    select ${slotColumns} from slot
     where organization_id = ${organizationId} and id = any(${ids}::uuid[])`.execute(db)
  return rows
}

/** The slots of a plan, the earliest first. */
export async function listSlots(
  db: Executor,
  organizationId: string,
  planId: string,
  page: Page,
): Promise<readonly Placed<SlotRecord>[]> {
  const { position, within, order } = keyset('slot', 'publish_at', 'asc', page)
  const { rows } = await sql<Placed<SlotRecord>>`
    select ${slotColumns}, ${position} as position from slot
     where organization_id = ${organizationId} and plan_id = ${planId} and ${within}
     order by ${order} limit ${page.limit}`.execute(db)
  return rows
}

/**
 * Makes the slots of an organization the transaction's own until it ends, before it locks several of them: two that lock slots of
 * several plans, one after the other, would wait for each other. See `LOCKS.md`.
 */
export async function lockSlotsOf(db: Executor, organizationId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`slots of ${organizationId}`}, 0))`.execute(db)
}

/**
 * The slots of a plan that no job works by, or has posted by, locked: a scan, and whoever starts a job, waits for what the transaction
 * makes of them.
 */
export async function lockFreeSlots(
  db: Executor,
  organizationId: string,
  planId: string,
): Promise<readonly SlotRecord[]> {
  await lockSlotsOf(db, organizationId)
  const { rows } = await sql<SlotRecord>`
    select ${slotColumns} from slot
     where organization_id = ${organizationId} and plan_id = ${planId}
       and (claimed_at is null or exists (select from machine_instance job where job.slot_id = slot.id and job.state = 'cancelled'))
     order by publish_at, id for update`.execute(db)
  const claimed = rows.filter(({ claimedAt }) => claimedAt !== null).map(({ id }) => id)
  const cancelled = await findCancelledSlots(db, claimed)
  return rows.filter(({ id, claimedAt }) => claimedAt === null || cancelled.has(id))
}

/**
 * Those of slots whose jobs were all cancelled: nothing was posted, and another job may be. Asked once they are locked, for nobody
 * starts a job of theirs then.
 */
export async function findCancelledSlots(
  db: Executor,
  slotIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (slotIds.length === 0) return new Set()
  const { rows } = await sql<{ slotId: string }>`
    select slot_id as "slotId" from machine_instance where slot_id = any(${slotIds}::uuid[])
     group by slot_id having bool_and(state = 'cancelled')`.execute(db)
  return new Set(rows.map(({ slotId }) => slotId))
}

/** Takes a slot that the transaction has locked back from its cancelled job: a scan considers it again. */
export async function releaseSlot(db: Executor, slotId: string): Promise<void> {
  await sql`update slot set claimed_at = null, updated_at = clock_timestamp() where id = ${slotId}`.execute(
    db,
  )
}

export async function lockSlot(
  db: Executor,
  organizationId: string,
  slotId: string,
): Promise<SlotRecord | undefined> {
  const { rows } = await sql<SlotRecord>`
    select ${slotColumns} from slot
     where organization_id = ${organizationId} and id = ${slotId} for update`.execute(db)
  return rows[0]
}

export interface NewSlot extends SlotContent {
  readonly id: string
}

/** Inserts slots in one statement, in the order given. */
export async function insertSlots(
  db: Executor,
  organizationId: string,
  planId: string,
  slots: readonly NewSlot[],
): Promise<void> {
  await sql`
    insert into slot (id, organization_id, plan_id, wall_time, publish_at, tzdata_version, storyboard, mode,
                      caption, privacy, allow_comment, allow_duet, allow_stitch, brand_content, brand_organic, is_aigc)
    select id, ${organizationId}::uuid, ${planId}::uuid, "wallTime", "publishAt", "tzdataVersion", storyboard, mode,
           caption, privacy,
           "allowComment", "allowDuet", "allowStitch", "brandContent", "brandOrganic", "isAigc"
      from jsonb_to_recordset(${JSON.stringify(slots)}::jsonb) as x (
        id uuid, "wallTime" text, "publishAt" timestamptz, "tzdataVersion" text, storyboard jsonb, mode text, caption text, privacy text,
        "allowComment" boolean, "allowDuet" boolean, "allowStitch" boolean,
        "brandContent" boolean, "brandOrganic" boolean, "isAigc" boolean)`.execute(db)
}

/** Replaces what a slot that the transaction has locked says of its post, and takes its approval back. */
export async function changePost(db: Executor, slotId: string, content: SlotContent): Promise<void> {
  await sql`
    update slot
       set caption = ${content.caption}, privacy = ${content.privacy}, allow_comment = ${content.allowComment},
           allow_duet = ${content.allowDuet}, allow_stitch = ${content.allowStitch},
           brand_content = ${content.brandContent}, brand_organic = ${content.brandOrganic}, is_aigc = ${content.isAigc},
           approved_hash = null, updated_at = clock_timestamp()
     where id = ${slotId}`.execute(db)
}

/** Replaces what a slot says, which nobody has approved then, unless a job has claimed it. False if it has, or there is no such slot. */
export async function changeSlot(db: Executor, slotId: string, content: SlotContent): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update slot
       set wall_time = ${content.wallTime}, publish_at = ${content.publishAt},
           tzdata_version = ${content.tzdataVersion}, storyboard = ${JSON.stringify(content.storyboard)}::jsonb, caption = ${content.caption},
           mode = ${content.mode}, privacy = ${content.privacy}, allow_comment = ${content.allowComment},
           allow_duet = ${content.allowDuet}, allow_stitch = ${content.allowStitch},
           brand_content = ${content.brandContent}, brand_organic = ${content.brandOrganic}, is_aigc = ${content.isAigc},
           approved_hash = null, updated_at = clock_timestamp()
     where id = ${slotId} and claimed_at is null`.execute(db)
  return numAffectedRows === 1n
}

/** Moves a slot that the transaction has locked to the instant that its wall time means by now. */
export async function reschedule(
  db: Executor,
  slotId: string,
  { publishAt, tzdataVersion }: Pick<SlotContent, 'publishAt' | 'tzdataVersion'>,
): Promise<void> {
  await sql`
    update slot set publish_at = ${publishAt}, tzdata_version = ${tzdataVersion}, updated_at = clock_timestamp()
     where id = ${slotId}`.execute(db)
}

/** Removes a slot, unless a job has claimed it. Its cancelled jobs stay, without it. */
export async function deleteSlot(db: Executor, slotId: string): Promise<boolean> {
  await sql`update machine_instance set slot_id = null where slot_id = ${slotId} and state = 'cancelled'`.execute(
    db,
  )
  const { numAffectedRows } = await sql`delete from slot where id = ${slotId} and claimed_at is null`.execute(
    db,
  )
  return numAffectedRows === 1n
}
