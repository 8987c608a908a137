import { rm } from 'node:fs/promises'
import path from 'node:path'
import type { KeptClip } from '../../machines/job/context.ts'
import { done, type StepContext, type StepOutcome } from '../durable/step.ts'
import { AssemblyFailed, assembleVideo } from '../providers/video/local/assemble.ts'
import { keepMedia } from '../store/media-store.ts'
import { storageFailure } from './clip.ts'
import type { StepDeps } from './deps.ts'
import { fail, failure } from './failure.ts'
import { storyboardOf } from './open-job.ts'

/** Joins the clips, lays the sound under them, and stores the video. The same clips give the same bytes. */
export async function storeVideo(
  deps: StepDeps,
  { organizationId, jobId, signal }: StepContext,
  { slotId, clips }: { readonly slotId: string; readonly clips: readonly KeptClip[] },
): Promise<StepOutcome> {
  const { storage, workDirectory, db } = deps
  const read = await storyboardOf(deps, organizationId, slotId)
  if (read.kind === 'bad') return read.outcome
  const directory = path.join(workDirectory, jobId)
  try {
    const segments = clips.map(({ sha256 }) => storage.path?.(organizationId, sha256) ?? '')
    const video = await assembleVideo({
      storyboard: read.storyboard,
      segments,
      directory,
      key: jobId,
      signal,
    })
    const { sha256, bytes } = await storage.put(organizationId, video.path)
    const { seconds, width, height } = video
    await keepMedia(db, { organizationId, sha256, bytes, seconds, width, height })
    return done({ media: { sha256, bytes, seconds, width, height } })
  } catch (error) {
    if (error instanceof AssemblyFailed)
      return fail({ kind: 'retry', failure: failure('NEEDS_OPERATOR', 'ASSEMBLY_FAILED', error.message) })
    return storageFailure(error)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
