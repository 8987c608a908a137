import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** Whether the clips of a job are still needed: the condition of the index `machine_instance_clips`. */
const needsClips = (job: string) =>
  sql.raw(`${job}.machine = 'job' and ${job}.tag <> 'final' and ${job}.context->>'ending' is null
    and ${job}.context->'checked' is distinct from 'true' and ${job}.context->'clips' <> '[]'`)

/**
 * Lists the clips of a job that nothing else refers to: neither another unfinished job of the organization nor one of its videos.
 * While another job is storing a clip, which may be the same file, none is listed; the sweep finds them later.
 */
export async function listUnreferencedClips(
  db: Executor,
  { organizationId, jobId }: { readonly organizationId: string; readonly jobId: string },
): Promise<readonly string[]> {
  const { rows } = await sql<{ sha256: string }>`
    select distinct clip->>'sha256' as sha256
      from machine_instance own cross join jsonb_array_elements(own.context->'clips') as clip
     where own.id = ${jobId} and own.organization_id = ${organizationId} and own.machine = 'job'
       and not exists (
         select from machine_instance other
          where other.organization_id = ${organizationId} and other.id <> own.id and other.machine = 'job'
            and other.state = 'generating.keeping')
       and not exists (
         select from machine_instance other
          where other.organization_id = ${organizationId} and other.id <> own.id and ${needsClips('other')}
            and other.context->'clips' @> jsonb_build_array(jsonb_build_object('sha256', clip->'sha256')))
       and not exists (
         select from media where organization_id = ${organizationId} and sha256 = clip->>'sha256')`.execute(
    db,
  )
  return rows.map(({ sha256 }) => sha256)
}

/** Of an organization's stored files, those that are in use: its media with their previews, and the clips of jobs whose video is not stored yet. */
export async function listReferencedFiles(
  db: Executor,
  organizationId: string,
  stored: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ sha256: string }>`
    select sha256 from media where organization_id = ${organizationId} and sha256 = any(${stored}::text[])
    union
    select preview->>'sha256' from media cross join jsonb_array_elements(previews) as preview
     where organization_id = ${organizationId}
    union
    select clip->>'sha256' from machine_instance job cross join jsonb_array_elements(job.context->'clips') as clip
     where job.organization_id = ${organizationId} and ${needsClips('job')}`.execute(db)
  return new Set(rows.map(({ sha256 }) => sha256))
}
