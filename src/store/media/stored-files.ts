import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** A file that an organization's media need, as it was counted when it was stored. */
export interface CountedFile {
  readonly sha256: string
  readonly bytes: number
}

/** Lists the files of an organization's media: videos and, with them, posters and thumbnails. Their bytes are its `storageBytes`. */
export async function listCountedFiles(
  db: Executor,
  organizationId: string,
): Promise<readonly CountedFile[]> {
  const { rows } = await sql<CountedFile>`
    select sha256, bytes::float8 as bytes from media where organization_id = ${organizationId} and sha256 is not null
    union all
    select preview->>'sha256', (preview->>'bytes')::float8
      from media cross join jsonb_array_elements(previews) as preview where organization_id = ${organizationId}`.execute(
    db,
  )
  return rows
}
