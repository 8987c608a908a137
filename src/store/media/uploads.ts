import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import type { MediaKind } from './tables.ts'

/** An upload as a client announces it. */
export interface NewUpload {
  readonly id: string
  readonly organizationId: string
  readonly kind: MediaKind
  readonly title: string
  readonly tags: readonly string[]
  readonly addedBy: string
  readonly declaredBytes: number
  readonly declaredType: string
  readonly declaredSha256: string | null
}

export async function insertUpload(tx: Executor, upload: NewUpload): Promise<void> {
  await tx
    .insertInto('media')
    .values({
      id: upload.id,
      organization_id: upload.organizationId,
      origin: 'uploaded',
      kind: upload.kind,
      title: upload.title,
      tags: [...upload.tags],
      added_by: upload.addedBy,
      declared_bytes: upload.declaredBytes,
      declared_type: upload.declaredType,
      declared_sha256: upload.declaredSha256,
    })
    .execute()
}

/** An upload as it was announced, and where its machine stands. */
export interface UploadRecord {
  readonly id: string
  readonly declaredBytes: number
  readonly declaredSha256: string | null
  readonly state: string
}

/** An upload of the organization, whatever became of it; also a media whose content somebody wanted to upload again. */
export async function findUpload(
  db: Executor,
  organizationId: string,
  mediaId: string,
): Promise<UploadRecord | undefined> {
  const { rows } = await sql<UploadRecord>`
    select media.id, coalesce(declared_bytes, bytes) as "declaredBytes", declared_sha256 as "declaredSha256",
           coalesce(instance.state, 'ready') as state
      from media left join machine_instance instance on instance.id = media.id
     where media.organization_id = ${organizationId} and media.id = ${mediaId} and coalesce(declared_bytes, bytes) is not null`.execute(
    db,
  )
  return rows[0]
}

/** The announced bytes and the number of an organization's unfinished uploads, without one of them. */
export async function sumUnfinished(
  db: Executor,
  organizationId: string,
  exceptId: string | null = null,
): Promise<{ readonly count: number; readonly bytes: number }> {
  const { rows } = await sql<{ count: number; bytes: number }>`
    select count(*)::int as count, coalesce(sum(declared_bytes), 0)::bigint as bytes
      from media join machine_instance instance on instance.id = media.id
     where media.organization_id = ${organizationId} and instance.organization_id = ${organizationId}
       and instance.machine = 'media' and instance.state = 'uploading' and media.id is distinct from ${exceptId}::uuid`.execute(
    db,
  )
  return rows[0] ?? { count: 0, bytes: 0 }
}

/** Records the content of an upload whose bytes have all arrived. Violates the index `media_content` if another media has it. */
export async function recordContent(
  tx: Executor,
  mediaId: string,
  { sha256, bytes }: { readonly sha256: string; readonly bytes: number },
): Promise<void> {
  await sql`update media set sha256 = ${sha256}, bytes = ${bytes}, updated_at = clock_timestamp() where id = ${mediaId}`.execute(
    tx,
  )
}

/** Records that another media has the content of an upload. */
export async function recordDuplicate(tx: Executor, mediaId: string, duplicateOf: string): Promise<void> {
  await sql`update media set duplicate_of = ${duplicateOf}, updated_at = clock_timestamp() where id = ${mediaId}`.execute(
    tx,
  )
}
