import type { MediaEvent } from '../../../machines/media.ts'
import type { Tx } from '../../store/database.ts'
import { type LockedMedia, listSlotsNeeding, lockMedia, markDeleted } from '../../store/media/changes.ts'
import type { CommandDeps } from '../command-deps.ts'
import type { Refusal } from '../refusal.ts'
import { sendMediaEvent } from '../send-event.ts'
import { ensureInstance } from './media-instance.ts'

export type MediaResult = { readonly kind: 'done'; readonly mediaId: string } | Refusal

/** How many slots a refusal names. */
const maxSlotsNamed = 20

export interface MediaRequest {
  readonly organizationId: string
  readonly mediaId: string
}

/**
 * Deletes a media: nothing can use it from now on, and its files are removed after a grace, unless it is restored. Refused while a post
 * needs it. An unfinished upload is given up at once.
 */
export function deleteMedia(tx: Tx, deps: CommandDeps, request: MediaRequest): Promise<MediaResult> {
  return takeAway(tx, deps, request, 'delete', async (media) => {
    if (media.sha256 !== null) await markDeleted(tx, media.id, true)
  })
}

/** Has the file of a media checked again, and its previews made again. Refused while a post needs it. */
export function recheckMedia(tx: Tx, deps: CommandDeps, request: MediaRequest): Promise<MediaResult> {
  return takeAway(tx, deps, request, 'recheck')
}

/** Accepts the conversion that a media offers. Refused while a post needs the media: it would be posted as another file. */
export function convertMedia(tx: Tx, deps: CommandDeps, request: MediaRequest): Promise<MediaResult> {
  return takeAway(tx, deps, request, 'convert')
}

/** Sends an event that takes a media away from those who would use it. */
async function takeAway(
  tx: Tx,
  deps: CommandDeps,
  request: MediaRequest,
  type: MediaEvent['type'] & ('delete' | 'recheck' | 'convert'),
  // Before the transition, whose event is the last lock of the transaction.
  change: (media: LockedMedia) => Promise<void> = async () => undefined,
): Promise<MediaResult> {
  const { organizationId, mediaId } = request
  const media = await lockMedia(tx, organizationId, mediaId)
  if (!media) return { kind: 'missing', field: 'mediaId' }
  const slotIds = await listSlotsNeeding(tx, organizationId, media, maxSlotsNamed)
  if (slotIds.length > 0) return { kind: 'mediaInUse', slotIds }

  await ensureInstance(tx, organizationId, media)
  await change(media)
  const moved = await sendMediaEvent(tx, deps, { ...request, event: { type } })
  if (moved.kind === 'missing') return { kind: 'missing', field: 'mediaId' }
  return moved.kind === 'refused' ? moved : { kind: 'done', mediaId }
}

/** Restores a deleted media whose files are still there. */
export async function restoreMedia(tx: Tx, deps: CommandDeps, request: MediaRequest): Promise<MediaResult> {
  const { organizationId, mediaId } = request
  const media = await lockMedia(tx, organizationId, mediaId)
  if (!media) return { kind: 'missing', field: 'mediaId' }
  if (media.sha256 !== null) await markDeleted(tx, mediaId, false)
  const moved = await sendMediaEvent(tx, deps, { ...request, event: { type: 'restore' } })
  if (moved.kind === 'missing') return { kind: 'refused', state: 'ready', event: 'restore' }
  return moved.kind === 'refused' ? moved : { kind: 'done', mediaId }
}
