import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Checkpoint } from '../../durable/checkpoint.ts'
import type { Executor } from '../database.ts'
import { checkpointColumnNames } from '../job/checkpoint-row.ts'
import { keyset, type Page, type Positioned } from '../paging.ts'
import type { MediaKind, MediaOrigin, Preview } from './tables.ts'

/** A media with its machine's last checkpoint. */
export interface MediaRecord {
  readonly id: string
  readonly organizationId: string
  readonly origin: MediaOrigin
  readonly kind: MediaKind
  readonly title: string
  readonly tags: readonly string[]
  /** The API key that added it; null if a job did. */
  readonly addedBy: string | null
  readonly declaredBytes: number | null
  /** Null before all bytes have arrived and after they were removed. */
  readonly sha256: string | null
  readonly bytes: number | null
  /** Null until the file was checked. */
  readonly contentType: string | null
  readonly container: string | null
  readonly videoCodec: string | null
  readonly audioCodec: string | null
  readonly seconds: number | null
  readonly width: number | null
  readonly height: number | null
  readonly frameRate: number | null
  readonly previews: readonly Preview[]
  readonly duplicateOf: string | null
  readonly deletedAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
  /** `ready` for the video of a job, which has no machine until it is deleted. */
  readonly state: string
  readonly checkpoint: Checkpoint | null
}

const columns =
  sql.raw(`media.id, media.organization_id as "organizationId", media.origin, media.kind, media.title, media.tags,
   media.added_by as "addedBy", media.declared_bytes as "declaredBytes", media.sha256, media.bytes, media.content_type as "contentType",
   media.container, media.video_codec as "videoCodec", media.audio_codec as "audioCodec", media.seconds, media.width, media.height,
   media.frame_rate as "frameRate", media.previews, media.duplicate_of as "duplicateOf", media.deleted_at as "deletedAt",
   media.created_at as "createdAt", greatest(media.updated_at, instance.updated_at) as "updatedAt",
   coalesce(instance.state, 'ready') as state,
   case when instance.id is null then null else jsonb_build_object(${checkpointColumnNames
     .map((name) => `'${name}', instance.${name}`)
     .join(', ')}) end as checkpoint`)
const source = sql.raw('media left join machine_instance instance on instance.id = media.id')

export async function findMedia(
  db: Executor,
  organizationId: string,
  ids: readonly string[],
): Promise<readonly MediaRecord[]> {
  const { rows } = await sql<MediaRecord>`
    select ${columns} from ${source}
     where media.organization_id = ${organizationId} and media.id = any(${ids}::uuid[])`.execute(db)
  return rows
}

/** The media that have these contents, deleted ones included. */
export async function findMediaByContent(
  db: Executor,
  organizationId: string,
  hashes: readonly string[],
): Promise<readonly MediaRecord[]> {
  const { rows } = await sql<MediaRecord>`
    select ${columns} from ${source}
     where media.organization_id = ${organizationId} and media.sha256 = any(${hashes}::text[])`.execute(db)
  return rows
}

export interface MediaFilter {
  /** States of the machine. Null: all but deleted media and uploads that came to nothing. */
  readonly states: readonly string[] | null
  readonly kinds: readonly MediaKind[] | null
  readonly origin: MediaOrigin | null
  /** Only media with all of these tags. */
  readonly tags: readonly string[] | null
  /** Only media whose title contains this text, in any case. */
  readonly text: string | null
}

/** Newest first. */
export async function listMedia(
  db: Executor,
  organizationId: string,
  { states, kinds, origin, tags, text }: MediaFilter,
  page: Page,
): Promise<readonly Positioned<MediaRecord>[]> {
  const { position, within, order } = keyset('media', 'created_at', 'desc', page)
  const state = sql`coalesce(instance.state, 'ready')`
  const conditions: readonly RawBuilder<SqlBool>[] = [
    states === null
      ? sql`media.deleted_at is null and ${state} <> all (array['expired', 'duplicate'])`
      : sql`${state} = any(${states}::text[])`,
    ...(kinds === null ? [] : [sql<SqlBool>`media.kind = any(${kinds}::text[])`]),
    ...(origin === null ? [] : [sql<SqlBool>`media.origin = ${origin}`]),
    ...(tags === null ? [] : [sql<SqlBool>`media.tags @> ${tags}::text[]`]),
    ...(text === null ? [] : [sql<SqlBool>`strpos(lower(media.title), lower(${text})) > 0`]),
  ]
  const { rows } = await sql<Positioned<MediaRecord>>`
    select ${columns}, ${position} as position from ${source}
     where media.organization_id = ${organizationId} and ${sql.join(conditions, sql` and `)} and ${within}
     order by ${order} limit ${page.limit}`.execute(db)
  return rows
}
