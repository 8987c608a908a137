import type { Executor } from '../database.ts'

export interface Media {
  readonly organizationId: string
  readonly sha256: string
  readonly bytes: number
  readonly seconds: number
  readonly width: number
  readonly height: number
}

/** Records a stored video. False if the organization has the same content already. */
export async function insertMedia(db: Executor, media: Media): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('media')
    .values({
      organization_id: media.organizationId,
      sha256: media.sha256,
      bytes: media.bytes,
      seconds: media.seconds,
      width: media.width,
      height: media.height,
      content_type: 'video/mp4',
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}

/** The size and type of a stored video; undefined if the organization has no such content. */
export async function findMedia(
  db: Executor,
  organizationId: string,
  sha256: string,
): Promise<{ readonly bytes: number; readonly contentType: string } | undefined> {
  return await db
    .selectFrom('media')
    .select(['bytes', 'content_type as contentType'])
    .where('organization_id', '=', organizationId)
    .where('sha256', '=', sha256)
    .executeTakeFirst()
}
