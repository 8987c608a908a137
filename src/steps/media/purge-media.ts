import { freeStorage } from '../../commands/quota/free-storage.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { lockMedia, releaseFiles } from '../../store/media/changes.ts'
import type { StepDeps } from '../step-deps.ts'

/**
 * Gives up the files of a deleted media and frees their quota. The sweep removes the files an hour after nothing refers to them: a job
 * that stores the same content at this moment keeps it. A media that was restored meanwhile keeps everything.
 */
export async function purgeMedia(
  { db }: Pick<StepDeps, 'db'>,
  { organizationId, jobId: mediaId, now }: StepContext,
): Promise<StepOutcome> {
  await db.transaction().execute(async (tx) => {
    const media = await lockMedia(tx, organizationId, mediaId)
    if (!media?.isDeleted || media.sha256 === null) return
    const amount = await releaseFiles(tx, mediaId)
    await freeStorage(tx, { organizationId, amount, key: `media/${mediaId}/${media.sha256}`, at: now() })
  })
  return done()
}
