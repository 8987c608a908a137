import { randomUUID } from 'node:crypto'
import { uploadMs } from '../../../machines/media.ts'
import { mediaMachine } from '../../definitions/machines.ts'
import { wakeAtOf } from '../../durable/checkpoint.ts'
import { initialCheckpoint } from '../../durable/decide.ts'
import { queueWakeUps } from '../../queue/wake.ts'
import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { insertInstance } from '../../store/job/jobs.ts'
import { findMediaByContent } from '../../store/media/media.ts'
import { insertUpload, sumUnfinished } from '../../store/media/uploads.ts'
import type { CommandDeps } from '../command-deps.ts'
import { type FieldIssue, invalid, type Refusal } from '../refusal.ts'
import { restoreMedia } from './change-media.ts'
import { maxTitleLength, normaliseTags, problemsOfDetails } from './update-media.ts'
import { checkUploadRoom } from './upload-room.ts'

/** TikTok's "4 GB" in the smaller of its two readings. */
export const maxUploadBytes = 4_000_000_000
/** The media types that can be uploaded: what TikTok takes, and what can be converted to it. */
export const uploadTypes: readonly string[] = [
  'video/mp4',
  'video/quicktime',
  'video/webm',
  'video/x-matroska',
  'video/mp2t',
]
/** Unfinished uploads of an organization. Each may take four gigabytes of a disk before its quota is counted. */
export const maxUnfinishedUploads = 100

export interface UploadRequest {
  readonly organizationId: string
  readonly sizeBytes: number
  readonly contentType: string
  /** The SHA-256 of the content in hexadecimal, if the client knows it. */
  readonly sha256: string | null
  /** Becomes the title if none is given. */
  readonly fileName: string | null
  readonly title: string | null
  readonly tags: readonly string[]
  /** The API key of the client. */
  readonly addedBy: string
}

export type CreateUploadResult =
  | {
      readonly kind: 'done'
      readonly mediaId: string
      /** When the upload expires, ISO 8601. Null if there is nothing to upload: the organization has this content. */
      readonly expiresAt: string | null
    }
  | Refusal

/** Announces an upload: its media exists from now on, and its bytes are awaited for a day. */
export async function createUpload(
  tx: Tx,
  deps: CommandDeps,
  request: UploadRequest,
): Promise<CreateUploadResult> {
  const { organizationId, sizeBytes, sha256 } = request
  const fields = problemsOf(request)
  if (fields.length > 0) return { kind: 'invalid', fields }

  const [same] = sha256 === null ? [] : await findMediaByContent(tx, organizationId, [sha256])
  if (same) {
    if (same.deletedAt) await restoreMedia(tx, deps, { organizationId, mediaId: same.id })
    return { kind: 'done', mediaId: same.id, expiresAt: null }
  }
  const at = await readDatabaseTime(tx)
  const short = await checkUploadRoom(tx, { organizationId, at, bytes: sizeBytes, mediaId: null })
  if (short) return short
  const { count } = await sumUnfinished(tx, organizationId)
  if (count >= maxUnfinishedUploads)
    return invalid(
      'sizeBytes',
      `cannot be accepted: ${count} uploads are unfinished. Complete some, or give them up with deleteMedia`,
    )

  const mediaId = randomUUID()
  const checkpoint = initialCheckpoint(mediaMachine, { mediaId }, { at, key: `${mediaId}/1`, epoch: null })
  const wakeAt = wakeAtOf(checkpoint, at)
  await insertUpload(tx, {
    id: mediaId,
    organizationId,
    kind: 'video',
    title: titleOf(request),
    tags: normaliseTags(request.tags),
    addedBy: request.addedBy,
    declaredBytes: sizeBytes,
    declaredType: request.contentType,
    declaredSha256: sha256,
  })
  await insertInstance(tx, { id: mediaId, organizationId, slotId: null, accountId: null, checkpoint, wakeAt })
  if (wakeAt !== null)
    await queueWakeUps(deps.boss, [{ jobId: mediaId, organizationId, reason: 1, at: wakeAt }], tx)
  await appendEvent(tx, {
    organizationId,
    type: 'media.transitioned',
    jobId: mediaId,
    jobRevision: 1,
    payload: { from: null, to: checkpoint.state, event: 'createUpload', tag: checkpoint.tag, progress: null },
  })
  return { kind: 'done', mediaId, expiresAt: new Date(at + uploadMs).toISOString() }
}

function problemsOf({ sizeBytes, contentType, sha256, title, tags }: UploadRequest): readonly FieldIssue[] {
  const problems = [...problemsOfDetails({ title, tags })]
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1 || sizeBytes > maxUploadBytes)
    problems.push({
      path: 'sizeBytes',
      message: `must be from 1 to ${maxUploadBytes}: TikTok takes no larger video`,
    })
  if (!uploadTypes.includes(contentType))
    problems.push({ path: 'contentType', message: `must be one of ${uploadTypes.join(', ')}` })
  if (sha256 !== null && !/^[0-9a-f]{64}$/.test(sha256))
    problems.push({ path: 'sha256', message: 'must have 64 lower-case hexadecimal digits' })
  return problems
}

/** The given title, or else the name of the file as far as it fits. */
function titleOf({ title, fileName }: UploadRequest): string {
  const name = (fileName ?? '').trim().split(/[\\/]/).at(-1) ?? ''
  return title?.trim() ?? [...name].slice(0, maxTitleLength).join('')
}
