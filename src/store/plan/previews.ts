import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { instancesOf, type NewInstance } from '../job/jobs.ts'
import { readyMedia } from '../media/ready-media.ts'
import { slotSeconds } from './slot-length.ts'

/** A preview of a slot: a job that renders its storyboard, or has rendered it. */
export interface PreviewRecord {
  readonly jobId: string
  readonly slotId: string
  /** Whether it shows the slot's present storyboard. */
  readonly isCurrent: boolean
  readonly createdAt: Date
}

/** Inserts the jobs of previews, and what they render: the present storyboards of their slots. */
export async function insertPreviews(
  tx: Executor,
  organizationId: string,
  previews: readonly { readonly slotId: string; readonly job: NewInstance }[],
): Promise<void> {
  const jobs = previews.map(({ job }) => job)
  const slots = previews.map(({ slotId, job }) => ({ slotId, jobId: job.id }))
  await sql`with ${instancesOf(jobs)} select from inserted`.execute(tx)
  await sql`
    insert into preview (job_id, organization_id, slot_id, storyboard)
    select x."jobId", slot.organization_id, slot.id, slot.storyboard
      from jsonb_to_recordset(${JSON.stringify(slots)}::jsonb) as x ("jobId" uuid, "slotId" uuid) join slot on slot.id = x."slotId"
     where slot.organization_id = ${organizationId}`.execute(tx)
}

/** A slot that may be previewed. */
export interface PreviewableSlot {
  readonly slotId: string
  readonly accountId: string
  readonly publishAt: Date
  /** The length of its video, rounded up. */
  readonly seconds: number
  readonly planState: string
  readonly hasStoryboard: boolean
  /** The job that renders the present storyboard, or has rendered it. */
  readonly previewJobId: string | null
}

/** Locks a slot, or the slots of a plan that no job has claimed: see `LOCKS.md`. No other transaction adds a preview of them meanwhile. */
export async function lockPreviewableSlots(
  tx: Executor,
  organizationId: string,
  of: { readonly slotId: string } | { readonly planId: string },
): Promise<readonly PreviewableSlot[]> {
  const wanted =
    'slotId' in of
      ? sql`slot.id = ${of.slotId}`
      : sql`slot.plan_id = ${of.planId} and slot.claimed_at is null`
  await sql`
    select from slot where organization_id = ${organizationId} and ${wanted} order by publish_at, id for update`.execute(
    tx,
  )
  // A statement of its own: it sees what was committed while the first one waited.
  const { rows } = await sql<PreviewableSlot>`
    select slot.id as "slotId", plan.account_id as "accountId", slot.publish_at as "publishAt", ${slotSeconds} as seconds,
           plan.state as "planState", slot.storyboard is not null as "hasStoryboard",
           (select preview.job_id from preview join machine_instance job on job.id = preview.job_id
             where preview.slot_id = slot.id and preview.storyboard = slot.storyboard
               and (job.tag in ('working', 'waiting', 'resting') and job.context->>'ending' is null
                    or exists (select from ${videoOfJob}))
             order by preview.created_at desc limit 1) as "previewJobId"
      from slot join plan on plan.id = slot.plan_id
     where slot.organization_id = ${organizationId} and ${wanted} order by slot.publish_at, slot.id`.execute(
    tx,
  )
  return rows
}

/** The storyboard that a preview renders. */
export async function findPreviewStoryboard(
  db: Executor,
  organizationId: string,
  jobId: string,
): Promise<object | undefined> {
  const { rows } = await sql<{ storyboard: object }>`
    select storyboard from preview where organization_id = ${organizationId} and job_id = ${jobId}`.execute(
    db,
  )
  return rows[0]?.storyboard
}

/** The newest preview of each of some slots. */
export async function findPreviewsOfSlots(
  db: Executor,
  organizationId: string,
  slotIds: readonly string[],
): Promise<readonly PreviewRecord[]> {
  const { rows } = await sql<PreviewRecord>`
    select distinct on (preview.slot_id) preview.job_id as "jobId", preview.slot_id as "slotId", preview.created_at as "createdAt",
           coalesce(preview.storyboard = slot.storyboard, false) as "isCurrent"
      from preview join slot on slot.id = preview.slot_id
     where preview.organization_id = ${organizationId} and preview.slot_id = any(${slotIds}::uuid[])
     order by preview.slot_id, preview.created_at desc`.execute(db)
  return rows
}

/** The video of `job`, which is that of `preview`, if posts may use it. */
const videoOfJob = sql`
  ${readyMedia} and job.state = 'rendered' and media.organization_id = preview.organization_id
   and media.sha256 = job.context->'media'->>'sha256'`

/** The videos of previews that show the present storyboard of `slot`, a table of the query. */
export const previewedVideos = sql`
  preview join machine_instance job on job.id = preview.job_id
          cross join lateral (select media.* from ${videoOfJob}) media
   where preview.slot_id = slot.id and preview.storyboard = slot.storyboard`
