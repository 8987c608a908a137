import { createHash, randomUUID } from 'node:crypto'
import { mediaMachine } from '../../src/definitions/machines.ts'
import { type MachineEvent, wakeAtOf } from '../../src/durable/checkpoint.ts'
import { decide, doneEvent, initialCheckpoint } from '../../src/durable/decide.ts'
import { insertInstance } from '../../src/store/job/jobs.ts'
import type { MediaKind } from '../../src/store/media/tables.ts'
import type { TestDatabase } from './database.ts'

export const received: MachineEvent = { type: 'received' }
export const accepted = doneEvent('checkUpload', { kind: 'accepted', remedies: [] })
export const previewed = doneEvent('makePreviews', null)

/** The events that bring an upload to `ready`. */
export const toReady: readonly MachineEvent[] = [received, accepted, previewed]

export interface UploadedMedia {
  readonly title?: string
  readonly tags?: readonly string[]
  readonly kind?: MediaKind
  readonly sha256?: string
  readonly bytes?: number
  readonly seconds?: number
  /** Default: those that bring it to `ready`. */
  readonly events?: readonly MachineEvent[]
}

/** Inserts an uploaded media whose machine has taken some events. Its file is not stored. Returns its id. */
export async function insertUploadedMedia(
  { runtime: { db } }: Pick<TestDatabase, 'runtime'>,
  organizationId: string,
  { title = '', tags = [], kind = 'video', bytes = 1_000, seconds = 10, ...media }: UploadedMedia = {},
): Promise<string> {
  const { events = toReady } = media
  const id = randomUUID()
  const facts = (revision: number) => ({ at: Date.now(), key: `${id}/${revision}`, epoch: null })
  let checkpoint = initialCheckpoint(mediaMachine, { mediaId: id }, facts(1))
  for (const [index, event] of events.entries()) {
    const decision = decide(mediaMachine, checkpoint, event, facts(index + 2))
    if (decision.kind === 'refused') throw new Error(`${decision.event} was refused in ${decision.state}`)
    checkpoint = decision.checkpoint
  }
  const file = {
    sha256: media.sha256 ?? createHash('sha256').update(id).digest('hex'),
    bytes,
    content_type: 'video/mp4',
    container: 'mp4',
    video_codec: 'h264',
    audio_codec: 'aac',
    seconds,
    width: 1080,
    height: 1920,
    frame_rate: 30,
  }
  await db
    .insertInto('media')
    .values({
      id,
      organization_id: organizationId,
      origin: 'uploaded',
      kind,
      title,
      tags: [...tags],
      declared_bytes: bytes,
      ...(checkpoint.state !== 'uploading' && file),
    })
    .execute()
  const wakeAt = wakeAtOf(checkpoint, Date.now())
  await insertInstance(db, { id, organizationId, slotId: null, accountId: null, checkpoint, wakeAt })
  return id
}
