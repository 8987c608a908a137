import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** The media with this content that may be read, with what the response says about it. A deleted media may not; one at most matches. */
export async function findServedMedia(
  db: Executor,
  organizationId: string,
  sha256: string,
): Promise<readonly { readonly bytes: number; readonly contentType: string }[]> {
  const { rows } = await sql<{ bytes: number; contentType: string }>`
    select bytes, content_type as "contentType" from media
     where organization_id = ${organizationId} and sha256 = ${sha256} and deleted_at is null and content_type is not null`.execute(
    db,
  )
  return rows
}
