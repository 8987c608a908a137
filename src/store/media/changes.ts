import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import type { MediaOrigin } from './tables.ts'

/** A media that its transaction has locked. */
export interface LockedMedia {
  readonly id: string
  readonly origin: MediaOrigin
  readonly title: string
  readonly sha256: string | null
  readonly bytes: number | null
  readonly isDeleted: boolean
  /** Whether it is an instance of the media machine yet. */
  readonly hasInstance: boolean
}

/** Locks a media against all that would use, delete or convert it, until the end of the transaction: see `LOCKS.md`. */
export async function lockMedia(
  tx: Executor,
  organizationId: string,
  mediaId: string,
): Promise<LockedMedia | undefined> {
  const { rows } = await sql<LockedMedia>`
    select id, origin, title, sha256, bytes, deleted_at is not null as "isDeleted",
           exists (select from machine_instance instance where instance.id = media.id) as "hasInstance"
      from media where organization_id = ${organizationId} and id = ${mediaId} for no key update`.execute(tx)
  return rows[0]
}

/** What people write about a media. Undefined leaves a part as it is. */
export interface MediaDetails {
  readonly title?: string | undefined
  readonly tags?: readonly string[] | undefined
}

/** Changes what people have written about a media. False if the organization has no such media. */
export async function updateMediaDetails(
  tx: Executor,
  organizationId: string,
  mediaId: string,
  { title, tags }: MediaDetails,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update media set title = coalesce(${title ?? null}, title), tags = coalesce(${tags ?? null}::text[], tags),
                     updated_at = clock_timestamp()
     where organization_id = ${organizationId} and id = ${mediaId}`.execute(tx)
  return numAffectedRows === 1n
}

/** Marks a locked media as deleted, or as restored. Its file stays until it is purged. */
export async function markDeleted(tx: Executor, mediaId: string, isDeleted: boolean): Promise<void> {
  await sql`update media set deleted_at = ${isDeleted ? sql`clock_timestamp()` : null}, updated_at = clock_timestamp()
             where id = ${mediaId}`.execute(tx)
}

/**
 * The slots that still need a media: those whose unfinished job has made it or posts it, and those that are approved to post it and have
 * no job yet; at most `limit`, the earliest first. A slot whose time passed an hour ago gets no job.
 */
export async function listSlotsNeeding(
  db: Executor,
  organizationId: string,
  { id, sha256 }: Pick<LockedMedia, 'id' | 'sha256'>,
  limit: number,
): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from (
      select slot.id, slot.publish_at from machine_instance job join slot on slot.id = job.slot_id
       where job.organization_id = ${organizationId} and job.machine = 'job' and job.tag in ('working', 'waiting', 'resting')
         and (job.context->'media'->>'sha256' = ${sha256} or slot.media_id = ${id})
      union
      select slot.id, slot.publish_at from slot
       where slot.organization_id = ${organizationId} and slot.media_id = ${id} and slot.approved_hash is not null
         and slot.claimed_at is null and slot.publish_at > clock_timestamp() - interval '1 hour') needing
     order by publish_at, id limit ${limit}`.execute(db)
  return rows.map(({ id }) => id)
}

/** Forgets the files of a locked media. What it was stays known. Returns how many bytes they had. */
export async function releaseFiles(tx: Executor, mediaId: string): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    with before as (select bytes + preview_bytes as bytes from media where id = ${mediaId}),
    released as (
      update media set sha256 = null, bytes = null, previews = '[]', preview_bytes = 0, updated_at = clock_timestamp()
       where id = ${mediaId}
    )
    select coalesce(bytes, 0)::bigint as bytes from before`.execute(tx)
  return rows[0]?.bytes ?? 0
}
