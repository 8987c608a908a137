import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockInstances } from '../../store/job/jobs.ts'
import { lockMedia } from '../../store/media/changes.ts'
import { findMediaByContent } from '../../store/media/media.ts'
import { findUpload, recordContent, recordDuplicate } from '../../store/media/uploads.ts'
import type { CommandDeps } from '../command-deps.ts'
import type { QuotaShort } from '../quota/reserve-quota.ts'
import { debitUsage } from '../quota/settle-quota.ts'
import { sendMediaEvent } from '../send-event.ts'
import { restoreMedia } from './change-media.ts'
import { checkUploadRoom } from './upload-room.ts'

export type ReceiveUploadResult =
  /** It is being checked, or was received before. */
  | { readonly kind: 'received' }
  /** The organization has the same content, as this media. */
  | { readonly kind: 'duplicate'; readonly mediaId: string }
  /** The media does not exist, or its upload was given up or has expired. */
  | { readonly kind: 'gone' }
  | QuotaShort

interface Arrival {
  readonly organizationId: string
  readonly mediaId: string
  readonly sha256: string
  readonly bytes: number
}

/** Records an upload whose bytes are all in storage: counts them and has the file checked. Can be repeated. */
export async function receiveUpload(
  tx: Tx,
  deps: CommandDeps,
  arrival: Arrival,
): Promise<ReceiveUploadResult> {
  const { organizationId, mediaId, sha256, bytes } = arrival
  const media = await lockMedia(tx, organizationId, mediaId)
  if (!media) return { kind: 'gone' }
  await lockInstances(tx, [mediaId])
  const upload = await findUpload(tx, organizationId, mediaId)
  if (upload?.state !== 'uploading')
    return upload && media.sha256 !== null ? { kind: 'received' } : { kind: 'gone' }

  const [same] = await findMediaByContent(tx, organizationId, [sha256])
  if (same) {
    await recordDuplicate(tx, mediaId, same.id)
    await sendMediaEvent(tx, deps, { organizationId, mediaId, event: { type: 'duplicated' } })
    return { kind: 'duplicate', mediaId: same.id }
  }
  const at = await readDatabaseTime(tx)
  const short = await checkUploadRoom(tx, { organizationId, at, bytes, mediaId })
  if (short) return short
  await recordContent(tx, mediaId, { sha256, bytes })
  const key = `media/${mediaId}`
  const events = await debitUsage(tx, {
    organizationId,
    at,
    jobId: null,
    metric: 'storageBytes',
    amount: bytes,
    key,
  })
  await sendMediaEvent(tx, deps, { organizationId, mediaId, event: { type: 'received' } })
  for (const event of events) await appendEvent(tx, event)
  return { kind: 'received' }
}

/** Restores the media that an upload is a duplicate of, if it was deleted. A transaction of its own: it locks another instance. */
export async function restoreDuplicated(
  tx: Tx,
  deps: CommandDeps,
  request: { readonly organizationId: string; readonly mediaId: string },
): Promise<void> {
  const media = await lockMedia(tx, request.organizationId, request.mediaId)
  if (media?.isDeleted) await restoreMedia(tx, deps, request)
}
