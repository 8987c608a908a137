import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { keyset, type Page, type Positioned } from '../paging.ts'
import type { Privacy, SlotMode } from './tables.ts'

/** What a person chooses about a post. A draft has the defaults of all but the mode: its creator chooses in TikTok's app. */
export interface PostSettings {
  readonly mode: SlotMode
  readonly caption: string
  /** Null for a draft. */
  readonly privacy: Privacy | null
  readonly allowComment: boolean
  readonly allowDuet: boolean
  readonly allowStitch: boolean
  readonly brandContent: boolean
  readonly brandOrganic: boolean
  /** Whether TikTok labels the post as made by AI. True for what we generated; null for a draft of an uploaded video. */
  readonly isAigc: boolean | null
  /** The frame of the video that becomes the cover, in milliseconds. Null if none was chosen: see `coverOf`. */
  readonly coverTimestampMs: number | null
}

export const defaultPostSettings = {
  mode: 'direct',
  caption: '',
  privacy: null,
  allowComment: false,
  allowDuet: false,
  allowStitch: false,
  brandContent: false,
  brandOrganic: false,
  isAigc: true,
  coverTimestampMs: null,
} as const satisfies PostSettings

export interface SlotContent extends PostSettings {
  readonly wallTime: string
  /** The instant that the wall time means in the plan's zone. */
  readonly publishAt: Date
  /** The version of the time zone data that the instant was computed with; '' if unknown. */
  readonly tzdataVersion: string
  /** What the video shows; null if the slot posts a media. */
  readonly storyboard: object | null
  /** The media that is posted as it is; null if the slot has a storyboard. */
  readonly mediaId: string | null
}

export interface SlotRecord extends SlotContent {
  readonly id: string
  readonly planId: string
  readonly claimedAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** The columns of what a person enters, with their types. */
const contentColumns: Readonly<Record<keyof SlotContent, readonly [column: string, type: string]>> = {
  wallTime: ['wall_time', 'text'],
  publishAt: ['publish_at', 'timestamptz'],
  tzdataVersion: ['tzdata_version', 'text'],
  storyboard: ['storyboard', 'jsonb'],
  mediaId: ['media_id', 'uuid'],
  mode: ['mode', 'text'],
  caption: ['caption', 'text'],
  privacy: ['privacy', 'text'],
  allowComment: ['allow_comment', 'boolean'],
  allowDuet: ['allow_duet', 'boolean'],
  allowStitch: ['allow_stitch', 'boolean'],
  brandContent: ['brand_content', 'boolean'],
  brandOrganic: ['brand_organic', 'boolean'],
  isAigc: ['is_aigc', 'boolean'],
  coverTimestampMs: ['cover_timestamp_ms', 'int'],
}
const contentFields = Object.entries(contentColumns).map(([field, [column, type]]) => ({
  field: field as keyof SlotContent,
  column,
  type,
}))
const scheduleFields: ReadonlySet<string> = new Set([
  'wallTime',
  'publishAt',
  'tzdataVersion',
  'storyboard',
  'mediaId',
  'mode',
])
const listed = (text: (field: (typeof contentFields)[number]) => string) =>
  sql.raw(contentFields.map(text).join(', '))

export const slotColumns = sql`
  id, plan_id as "planId", ${listed(({ field, column }) => `${column} as "${field}"`)},
  claimed_at as "claimedAt", created_at as "createdAt", updated_at as "updatedAt"`

/** Assignments for an `update`. */
const assign = (content: SlotContent, fields: typeof contentFields) =>
  sql.join(
    fields.map(({ field, column }) => {
      const value = content[field]
      const isObject = field === 'storyboard' && value !== null
      return sql`${sql.raw(column)} = ${isObject ? sql`${JSON.stringify(value)}::jsonb` : value}`
    }),
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

/** The slots of a plan, or those that post a media; the earliest first. */
export async function listSlots(
  db: Executor,
  organizationId: string,
  of: { readonly planId: string } | { readonly mediaId: string },
  page: Page,
): Promise<readonly Positioned<SlotRecord>[]> {
  const { position, within, order } = keyset('slot', 'publish_at', 'asc', page)
  const belongs = 'planId' in of ? sql`plan_id = ${of.planId}` : sql`media_id = ${of.mediaId}`
  const { rows } = await sql<Positioned<SlotRecord>>`
    select ${slotColumns}, ${position} as position from slot
     where organization_id = ${organizationId} and ${belongs} and ${within}
     order by ${order} limit ${page.limit}`.execute(db)
  return rows
}

/**
 * Locks the slots of an organization as a whole until the end of the transaction. Call it before locking several slots: transactions
 * that lock slots of several plans one by one could deadlock. See `LOCKS.md`.
 */
export async function lockOrganizationSlots(db: Executor, organizationId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`slots of ${organizationId}`}, 0))`.execute(db)
}

/** Locks the slots of a plan that have no job or only cancelled ones. Scans and starts of jobs wait until the transaction ends. */
export async function lockEditableSlots(
  db: Executor,
  organizationId: string,
  planId: string,
): Promise<readonly SlotRecord[]> {
  await lockOrganizationSlots(db, organizationId)
  const { rows } = await sql<SlotRecord>`
    select ${slotColumns} from slot
     where organization_id = ${organizationId} and plan_id = ${planId}
       and (claimed_at is null or exists (select from machine_instance job where job.slot_id = slot.id and job.state = 'cancelled'))
     order by publish_at, id for update`.execute(db)
  const claimed = rows.filter(({ claimedAt }) => claimedAt !== null).map(({ id }) => id)
  const cancelled = await findCancelledSlots(db, claimed)
  return rows.filter(({ id, claimedAt }) => claimedAt === null || cancelled.has(id))
}

/** Of some slots, those whose jobs were all cancelled: nothing was posted, and another job may be started. Requires locks on the slots. */
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

/** Releases a locked slot from its cancelled job, so that a scan considers it again. */
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
    insert into slot (id, organization_id, plan_id, ${listed(({ column }) => column)})
    select id, ${organizationId}::uuid, ${planId}::uuid, ${listed(({ field }) => `"${field}"`)}
      from jsonb_to_recordset(${JSON.stringify(slots)}::jsonb)
           as x (id uuid, ${listed(({ field, type }) => `"${field}" ${type}`)})`.execute(db)
}

/** Replaces what the post of a locked slot says, which is not its time, mode or video, and withdraws its approval. */
export async function changePost(db: Executor, slotId: string, content: SlotContent): Promise<void> {
  const fields = contentFields.filter(({ field }) => !scheduleFields.has(field))
  await sql`
    update slot set ${assign(content, fields)}, approved_hash = null, updated_at = clock_timestamp()
     where id = ${slotId}`.execute(db)
}

/** Replaces the content of a slot and withdraws its approval. False if a job has claimed the slot or it does not exist. */
export async function changeSlot(db: Executor, slotId: string, content: SlotContent): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update slot set ${assign(content, contentFields)}, approved_hash = null, updated_at = clock_timestamp()
     where id = ${slotId} and claimed_at is null`.execute(db)
  return numAffectedRows === 1n
}

/** Sets the instant of a locked slot, computed anew from its wall time. */
export async function reschedule(
  db: Executor,
  slotId: string,
  { publishAt, tzdataVersion }: Pick<SlotContent, 'publishAt' | 'tzdataVersion'>,
): Promise<void> {
  await sql`
    update slot set publish_at = ${publishAt}, tzdata_version = ${tzdataVersion}, updated_at = clock_timestamp()
     where id = ${slotId}`.execute(db)
}

/** Deletes a slot, unless a job has claimed it. Its cancelled jobs stay without a slot. */
export async function deleteSlot(db: Executor, slotId: string): Promise<boolean> {
  await sql`update machine_instance set slot_id = null where slot_id = ${slotId} and state = 'cancelled'`.execute(
    db,
  )
  const { numAffectedRows } = await sql`delete from slot where id = ${slotId} and claimed_at is null`.execute(
    db,
  )
  return numAffectedRows === 1n
}
