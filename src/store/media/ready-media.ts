import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import type { MediaKind, MediaOrigin } from './tables.ts'

/** A media that posts may use: its file is stored and was checked. */
export interface ReadyMedia {
  readonly id: string
  readonly origin: MediaOrigin
  readonly kind: MediaKind
  readonly title: string
  readonly sha256: string
  readonly bytes: number
  readonly contentType: string
  readonly container: string
  readonly seconds: number
  readonly width: number
  readonly height: number
}

/** The media that posts may use now, as the source of a query: more conditions follow. */
export const readyMedia = sql`
  media left join machine_instance instance on instance.id = media.id
   where media.sha256 is not null and media.deleted_at is null and coalesce(instance.state, 'ready') = 'ready'`

/** Those of some media that posts may use now. */
export async function findReadyMedia(
  db: Executor,
  organizationId: string,
  ids: readonly string[],
): Promise<readonly ReadyMedia[]> {
  const { rows } = await sql<ReadyMedia>`
    select media.id, media.origin, media.kind, media.title, media.sha256, media.bytes, media.content_type as "contentType",
           media.container, media.seconds, media.width, media.height
      from ${readyMedia} and media.organization_id = ${organizationId} and media.id = any(${ids}::uuid[])`.execute(
    db,
  )
  return rows
}

/**
 * The same for a transaction that makes something depend on them: until it ends, none of them is deleted or converted. Their rows are
 * locked after slots and before machine instances: see `LOCKS.md`.
 */
export async function lockReadyMedia(
  tx: Executor,
  organizationId: string,
  ids: readonly string[],
): Promise<readonly ReadyMedia[]> {
  await sql`select from media where organization_id = ${organizationId} and id = any(${ids}::uuid[]) order by id for share`.execute(
    tx,
  )
  // A statement of its own: it sees what was committed while the first one waited.
  return await findReadyMedia(tx, organizationId, ids)
}
