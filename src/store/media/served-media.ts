import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** A file that may be read, with what the response says about it. */
export interface ServedFile {
  readonly sha256: string
  readonly bytes: number
  readonly contentType: string
}

/** The file of the media with this content. A deleted media has none. */
export async function findServedContent(
  db: Executor,
  organizationId: string,
  sha256: string,
): Promise<ServedFile | undefined> {
  const { rows } = await sql<ServedFile>`
    select sha256, bytes, content_type as "contentType" from media
     where organization_id = ${organizationId} and sha256 = ${sha256} and deleted_at is null and content_type is not null`.execute(
    db,
  )
  return rows[0]
}

/** A file of a media: its content (`preview` null), or one of its previews by its place among them. A deleted media has none. */
export async function findServedFile(
  db: Executor,
  organizationId: string,
  mediaId: string,
  preview: number | null,
): Promise<ServedFile | undefined> {
  const { rows } = await (preview === null
    ? sql<ServedFile>`
        select sha256, bytes, content_type as "contentType" from media
         where organization_id = ${organizationId} and id = ${mediaId} and deleted_at is null
           and sha256 is not null and content_type is not null`
    : sql<ServedFile>`
        select preview->>'sha256' as sha256, (preview->>'bytes')::bigint as bytes, 'image/jpeg' as "contentType"
          from media cross join lateral (select previews->${preview}::int as preview) chosen
         where organization_id = ${organizationId} and id = ${mediaId} and deleted_at is null and preview is not null`
  ).execute(db)
  return rows[0]
}
