import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Remedy } from '../../../machines/media.ts'
import { countStored } from '../../commands/media/count-stored.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { convertMedia } from '../../providers/media/convert.ts'
import { ForeignFileFailed } from '../../providers/media/foreign-ffmpeg.ts'
import { findMediaFile, type MediaFile, replaceFile } from '../../store/media/facts.ts'
import { isUniqueViolation } from '../../store/unique-violation.ts'
import { failureOfCode } from '../../verdict/coded-failure.ts'
import { failureWithCause } from '../failure.ts'
import { failed, needsPerson } from '../outcome.ts'
import type { StepDeps } from '../step-deps.ts'

/**
 * Converts an uploaded file and stores the result in its place; the sweep removes the old file. A worker that dies leaves the file as it
 * was, and the next one begins again; one that dies right after it has recorded the result has that converted once more.
 */
export async function convertUpload(
  deps: Pick<StepDeps, 'db' | 'storage' | 'workDirectory' | 'mediaFfmpeg' | 'report'>,
  context: StepContext,
  { remedies }: { readonly remedies: readonly Remedy[] },
): Promise<StepOutcome> {
  const { db, storage, workDirectory } = deps
  const { organizationId, jobId: mediaId, signal } = context
  const file = await findMediaFile(db, organizationId, mediaId)
  if (!file || file.container === null) return needsPerson(failureOfCode('reelpilot', 'MEDIA_NOT_HERE'))
  const executable = await deps.mediaFfmpeg.find()
  if (executable === null)
    return failed({ kind: 'failed', failure: failureOfCode('reelpilot', 'NO_MODERN_FFMPEG') })
  const { container, frameRate, audioCodec } = file
  await mkdir(workDirectory, { recursive: true })
  const directory = await mkdtemp(path.join(workDirectory, 'conversion-'))
  const output = path.join(directory, 'converted.mp4')
  try {
    await storage.withFile(organizationId, file.sha256, (source) =>
      convertMedia(executable, { file: source, container, remedies, frameRate, audioCodec }, output, signal),
    )
    const stored = await storage.put(organizationId, output)
    await replace(deps, context, file, stored)
    return done()
  } catch (error) {
    if (error instanceof ForeignFileFailed)
      return failed({ kind: 'failed', failure: failureWithCause(deps, context, 'CONVERSION_FAILED', error) })
    if (isUniqueViolation(error))
      return failed({ kind: 'failed', failure: failureOfCode('reelpilot', 'CONVERSION_IS_HERE') })
    throw error
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Records the converted file and counts its bytes in place of those of the old one, unless the media has another file by now. */
async function replace(
  { db }: Pick<StepDeps, 'db'>,
  { organizationId, jobId: mediaId, now }: StepContext,
  { sha256 }: MediaFile,
  converted: { readonly sha256: string; readonly bytes: number },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const bytes = await replaceFile(tx, mediaId, sha256, converted)
    if (bytes !== null) await countStored(tx, { organizationId, at: now(), bytes })
  })
}
