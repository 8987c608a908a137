import { rm } from 'node:fs/promises'
import path from 'node:path'
import type { KeptClip } from '../../../machines/job/context.ts'
import { restoreMedia } from '../../commands/media/change-media.ts'
import { recordUsage, settleJobQuota } from '../../commands/quota/settle-quota.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { AssemblyFailed, assembleVideo } from '../../providers/video/local/assemble.ts'
import { findMediaByContent } from '../../store/media/media.ts'
import { insertStoredVideo, type StoredVideo } from '../../store/media/stored-video.ts'
import { failureWithCause } from '../failure.ts'
import { illustrateVideo } from '../media/make-previews.ts'
import { retry } from '../outcome.ts'
import type { SlotInput } from '../post/clearance.ts'
import type { StepDeps } from '../step-deps.ts'
import { readRenderedStoryboard } from './brief.ts'
import { withFiles } from './with-files.ts'

/** Joins the clips, adds the sound, and stores the video with its poster and thumbnails. The same clips give the same bytes. */
export async function storeVideo(
  deps: StepDeps,
  context: StepContext,
  input: Pick<SlotInput, 'purpose' | 'slotId'> & { readonly clips: readonly KeptClip[] },
): Promise<StepOutcome> {
  const { organizationId, jobId, signal } = context
  const { clips } = input
  const { storage, workDirectory, ffmpegPath } = deps
  const read = await readRenderedStoryboard(deps, context, input)
  if (read.kind === 'stopped') return read.outcome
  const directory = path.join(workDirectory, jobId)
  try {
    const hashes = clips.map(({ sha256 }) => sha256)
    const video = await withFiles(storage, organizationId, hashes, (segments) =>
      assembleVideo({
        storyboard: read.storyboard,
        segments,
        directory,
        key: jobId,
        signal,
        ...(ffmpegPath && { ffmpegPath }),
      }),
    )
    const { sha256, bytes } = await storage.put(organizationId, video.path)
    const { seconds, width, height } = video
    await countVideo(deps, context, { organizationId, sha256, bytes, seconds, width, height })
    await illustrateVideo(deps, context, sha256)
    return done({ media: { sha256, bytes, contentType: 'video/mp4', seconds, width, height } })
  } catch (error) {
    if (error instanceof AssemblyFailed)
      return retry(failureWithCause(deps, context, 'ASSEMBLY_FAILED', error))
    throw error
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Counts the stored bytes and consumes the video's quota, whatever becomes of its post. Each is counted once. */
async function countVideo(deps: StepDeps, { jobId, now }: StepContext, media: StoredVideo): Promise<void> {
  const { db } = deps
  const { organizationId, sha256, bytes } = media
  await db.transaction().execute(async (tx) => {
    const use = { metric: 'storageBytes', amount: bytes, key: null } as const
    if (await insertStoredVideo(tx, media))
      await recordUsage(tx, { organizationId, at: now(), jobId, ...use })
    await settleJobQuota(tx, { organizationId, jobId }, { videos: 'commit', seconds: 'commit' })
  })
  // A transaction of its own: it locks the media's instance, which comes before the quota.
  const [same] = await findMediaByContent(db, organizationId, [sha256])
  if (same?.deletedAt)
    await db.transaction().execute((tx) => restoreMedia(tx, deps, { organizationId, mediaId: same.id }))
}
