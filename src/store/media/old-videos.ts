import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** A video that is kept no longer. */
export interface OldVideo {
  readonly id: string
  readonly organizationId: string
}

/**
 * Videos that jobs have made and nobody has needed for some days: every job that has one of them ended before, no slot since then uses it
 * or was previewed by it, and nobody gave it a title or tags. In the order of their ids, after one of them. Reads all jobs, once for all videos.
 */
export async function listOldVideos(
  db: Executor,
  days: number,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly OldVideo[]> {
  const since = sql`now() - make_interval(days => ${days})`
  const { rows } = await sql<OldVideo>`
    with needed as materialized (
      select organization_id, context->'media'->>'sha256' as sha256 from machine_instance
       where machine = 'job' and context->'media'->>'sha256' is not null
         and (tag in ('working', 'waiting', 'resting') or updated_at >= ${since}
              or exists (select from preview join slot on slot.id = preview.slot_id
                          where preview.job_id = machine_instance.id and slot.publish_at >= ${since}))
    )
    select id, organization_id as "organizationId" from media
     where origin = 'generated' and sha256 is not null and deleted_at is null and title = '' and tags = '{}'
       and created_at < ${since} and id > ${after}::uuid
       and not exists (select from needed where (needed.organization_id, needed.sha256) = (media.organization_id, media.sha256))
       and not exists (select from slot where slot.media_id = media.id and slot.publish_at >= ${since})
     order by id limit ${limit}`.execute(db)
  return rows
}
