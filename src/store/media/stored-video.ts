import type { Executor } from '../database.ts'

/** A video that a job has made, as it is stored. */
export interface StoredVideo {
  readonly organizationId: string
  readonly sha256: string
  readonly bytes: number
  readonly seconds: number
  readonly width: number
  readonly height: number
}

/** Records a job's video. False if the organization has the same content already, of whatever origin: it is not counted again. */
export async function insertStoredVideo(db: Executor, video: StoredVideo): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('media')
    .values({
      organization_id: video.organizationId,
      origin: 'generated',
      kind: 'video',
      sha256: video.sha256,
      bytes: video.bytes,
      seconds: video.seconds,
      width: video.width,
      height: video.height,
      content_type: 'video/mp4',
      container: 'mp4',
      video_codec: 'h264',
      audio_codec: 'aac',
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}
