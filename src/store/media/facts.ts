import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import type { Preview } from './tables.ts'

/** What a file is, as it was measured. */
export interface MediaFacts {
  readonly contentType: string
  readonly container: string
  readonly videoCodec: string
  readonly audioCodec: string | null
  readonly seconds: number
  readonly width: number
  readonly height: number
  readonly frameRate: number
}

/** A media's file, if it has one. */
export interface MediaFile {
  readonly sha256: string
  readonly bytes: number
  readonly container: string | null
  readonly audioCodec: string | null
  readonly frameRate: number | null
  readonly seconds: number | null
  readonly width: number | null
  readonly height: number | null
}

export async function findMediaFile(
  db: Executor,
  organizationId: string,
  mediaId: string,
): Promise<MediaFile | undefined> {
  const { rows } = await sql<MediaFile>`
    select sha256, bytes, container, audio_codec as "audioCodec", frame_rate as "frameRate", seconds, width, height from media
     where organization_id = ${organizationId} and id = ${mediaId} and sha256 is not null`.execute(db)
  return rows[0]
}

/** Records what the file with this content is. Does nothing if the media has another file by now. */
export async function recordFacts(
  db: Executor,
  mediaId: string,
  sha256: string,
  facts: MediaFacts,
): Promise<void> {
  await sql`
    update media
       set content_type = ${facts.contentType}, container = ${facts.container}, video_codec = ${facts.videoCodec},
           audio_codec = ${facts.audioCodec}, seconds = ${facts.seconds}, width = ${facts.width}, height = ${facts.height},
           frame_rate = ${facts.frameRate}, updated_at = clock_timestamp()
     where id = ${mediaId} and sha256 = ${sha256}`.execute(db)
}

/**
 * Records the previews of the file with this content, in place of others. Returns by how many bytes the media's files grew; null if it has
 * another file by now.
 */
export async function recordPreviews(
  tx: Executor,
  mediaId: string,
  sha256: string,
  previews: readonly Preview[],
): Promise<number | null> {
  const bytes = previews.reduce((sum, preview) => sum + preview.bytes, 0)
  const { rows } = await sql<{ grownBy: number }>`
    with before as (
      select id, preview_bytes from media where id = ${mediaId} and sha256 = ${sha256} for no key update
    )
    update media set previews = ${JSON.stringify(previews)}::jsonb, preview_bytes = ${bytes}, updated_at = clock_timestamp()
      from before where media.id = before.id
    returning ${bytes}::bigint - before.preview_bytes as "grownBy"`.execute(tx)
  return rows[0]?.grownBy ?? null
}

/**
 * Puts another file in the place of the one with this content; its previews are made again. Returns by how many bytes the media's files
 * grew; null if it has another file by now. Violates the index `media_content` if another media has the new content.
 */
export async function replaceFile(
  tx: Executor,
  mediaId: string,
  sha256: string,
  file: { readonly sha256: string; readonly bytes: number },
): Promise<number | null> {
  const { rows } = await sql<{ grownBy: number }>`
    with before as (
      select id, bytes, preview_bytes from media where id = ${mediaId} and sha256 = ${sha256} for no key update
    )
    update media
       set sha256 = ${file.sha256}, bytes = ${file.bytes}, previews = '[]', preview_bytes = 0, updated_at = clock_timestamp()
      from before where media.id = before.id
    returning ${file.bytes}::bigint - before.bytes - before.preview_bytes as "grownBy"`.execute(tx)
  return rows[0]?.grownBy ?? null
}
