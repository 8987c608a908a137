import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import path from 'node:path'
import { countStored } from '../../commands/media/count-stored.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { PreviewsFailed, takePreviews } from '../../providers/media/previews.ts'
import { bundledFfmpeg } from '../../providers/video/local/ffmpeg.ts'
import { findMediaFile, type MediaFile, recordPreviews } from '../../store/media/facts.ts'
import { findMediaByContent } from '../../store/media/media.ts'
import type { Preview } from '../../store/media/tables.ts'
import { defaultCoverMs } from '../../storyboard/cover.ts'
import { failureWithCause, ownFailure } from '../failure.ts'
import { failed } from '../outcome.ts'
import type { StepDeps } from '../step-deps.ts'

type PreviewDeps = Pick<StepDeps, 'db' | 'storage' | 'workDirectory'>

/** Makes the poster and the thumbnails of an upload. A failure here refuses nothing: see the machine. */
export async function makePreviews(
  deps: PreviewDeps & Pick<StepDeps, 'mediaFfmpeg' | 'report'>,
  context: StepContext,
): Promise<StepOutcome> {
  const { organizationId, jobId: mediaId } = context
  const file = await findMediaFile(deps.db, organizationId, mediaId)
  if (!file) return done()
  const executable = await deps.mediaFfmpeg.find()
  if (executable === null)
    return failed({
      kind: 'failed',
      failure: ownFailure('NEEDS_OPERATOR', 'NO_MODERN_FFMPEG', noModernFfmpeg),
    })
  try {
    await storePreviews(deps, context, { ...file, mediaId, executable, isForeign: true })
    return done()
  } catch (error) {
    if (!(error instanceof PreviewsFailed)) throw error
    return failed({ kind: 'failed', failure: failureWithCause(deps, context, 'PREVIEW_FAILED', error) })
  }
}

const noModernFfmpeg =
  'There is no poster and there are no thumbnails: this installation has no ffmpeg of version 5 or later.'

/**
 * Makes the poster, which is the default cover, and the thumbnails of a video that a job has made, unless there are some of the same
 * content. If that fails, the video goes without them.
 */
export async function illustrateVideo(
  deps: PreviewDeps & Pick<StepDeps, 'ffmpegPath' | 'report'>,
  context: StepContext,
  sha256: string,
): Promise<void> {
  const { organizationId } = context
  const [media] = await findMediaByContent(deps.db, organizationId, [sha256])
  if (!media || media.previews.length > 0) return
  const file = await findMediaFile(deps.db, organizationId, media.id)
  if (!file) return
  const executable = deps.ffmpegPath ?? bundledFfmpeg()
  const posterSeconds = defaultCoverMs / 1_000
  try {
    await storePreviews(deps, context, {
      ...file,
      mediaId: media.id,
      executable,
      isForeign: false,
      posterSeconds,
    })
  } catch (error) {
    if (!(error instanceof PreviewsFailed)) throw error
    failureWithCause(deps, context, 'PREVIEW_FAILED', error)
  }
}

/** Takes the previews of a stored video, stores them, and counts their bytes in place of those of earlier ones. */
export async function storePreviews(
  { db, storage, workDirectory }: PreviewDeps,
  { organizationId, signal, now }: StepContext,
  video: MediaFile & {
    readonly mediaId: string
    readonly executable: string
    readonly isForeign: boolean
    readonly posterSeconds?: number
  },
): Promise<void> {
  const { mediaId, executable, isForeign, sha256, container, seconds, width, height, posterSeconds } = video
  if (container === null || seconds === null || width === null || height === null) return
  await mkdir(workDirectory, { recursive: true })
  const directory = await mkdtemp(path.join(workDirectory, 'previews-'))
  try {
    const taken = await storage.withFile(organizationId, sha256, (file) =>
      takePreviews(
        executable,
        { file, container, seconds, width, height, ...(posterSeconds !== undefined && { posterSeconds }) },
        directory,
        signal,
        { isForeign },
      ),
    )
    const previews: Preview[] = []
    for (const { file, ...preview } of taken)
      previews.push({ ...preview, ...(await storage.put(organizationId, file)) })
    await db.transaction().execute(async (tx) => {
      const bytes = await recordPreviews(tx, mediaId, sha256, previews)
      if (bytes !== null) await countStored(tx, { organizationId, at: now(), bytes })
    })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
