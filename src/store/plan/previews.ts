import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { readyMedia } from '../media/ready-media.ts'

/** A preview of a slot: a job that renders its storyboard, or has rendered it. */
export interface PreviewRecord {
  readonly jobId: string
  readonly slotId: string
  /** Whether it shows the slot's present storyboard. */
  readonly isCurrent: boolean
  readonly createdAt: Date
}

export async function insertPreview(
  tx: Executor,
  organizationId: string,
  { jobId, slotId }: { readonly jobId: string; readonly slotId: string },
): Promise<void> {
  await sql`
    insert into preview (job_id, organization_id, slot_id, storyboard)
    select ${jobId}, organization_id, id, storyboard from slot
     where organization_id = ${organizationId} and id = ${slotId}`.execute(tx)
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

/** A preview of the present storyboard of a slot that renders or is rendered. The slot is locked, so none is added meanwhile. */
export async function findUsablePreview(
  tx: Executor,
  organizationId: string,
  slotId: string,
): Promise<string | undefined> {
  const { rows } = await sql<{ jobId: string }>`
    select preview.job_id as "jobId"
      from preview join slot on slot.id = preview.slot_id join machine_instance job on job.id = preview.job_id
     where preview.organization_id = ${organizationId} and preview.slot_id = ${slotId} and preview.storyboard = slot.storyboard
       and (job.tag in ('working', 'waiting', 'resting') and job.context->>'ending' is null
            or exists (select from ${videoOfJob}))
     order by preview.created_at desc limit 1`.execute(tx)
  return rows[0]?.jobId
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
