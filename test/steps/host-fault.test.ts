import { chmod, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { auditQuota } from '../../src/store/quota/audit.ts'
import { defaultCoverMs } from '../../src/storyboard/cover.ts'
import { countingFfmpeg, temporaryFolder } from '../providers/video/local/render-harness.ts'
import { shortStoryboard } from '../support/worker-fixture.ts'
import { createHostHarness, expectOperatorFailure } from './host-harness.ts'

/** Rendering takes long on a busy machine. */
const timeoutMs = 240_000

const harness = await createHostHarness()

describe('without an ffmpeg', () => {
  it(
    'jobs need a person, keep their work, and go on once ffmpeg is installed',
    async () => {
      const directory = await temporaryFolder()
      const worker = await harness.openWorker({ directory, ffmpegPath: '/nope' })
      const jobs = [await worker.start(), await worker.start({ ...shortStoryboard, seed: 7 })]
      for (const job of jobs) {
        expect(await job.advance()).toBe('needsPerson')
        await expectOperatorFailure(job, 'FFMPEG_MISSING')
      }
      // One report per outage, not one per job.
      expect(worker.reports.map(({ kind }) => kind)).toEqual(['began'])

      const repaired = await harness.openWorker({ directory })
      for (const job of jobs) {
        await job.sendEvent({ type: 'retry' })
        expect(await repaired.takeOver(job).advance('awaitingSlot')).toBe('awaitingSlot')
      }
    },
    timeoutMs,
  )

  it(
    'that is executable, a job needs a person too',
    async () => {
      const directory = await temporaryFolder()
      const ffmpegPath = path.join(directory, 'ffmpeg')
      await writeFile(ffmpegPath, 'no program')
      await chmod(ffmpegPath, 0o644)
      const worker = await harness.openWorker({ directory, ffmpegPath })
      const job = await worker.start()
      expect(await job.advance()).toBe('needsPerson')
      await expectOperatorFailure(job, 'FFMPEG_MISSING')
    },
    timeoutMs,
  )
})

it(
  'a worker renders, joins and illustrates scenes with the configured ffmpeg',
  async () => {
    const directory = await temporaryFolder()
    const { ffmpegPath, starts } = await countingFfmpeg(directory)
    const worker = await harness.openWorker({ directory, ffmpegPath })
    // A video of its own: the same content is illustrated once.
    const job = await worker.start({ ...shortStoryboard, seed: 11 })
    expect(await job.advance('awaitingSlot')).toBe('awaitingSlot')
    // One start per scene, one to join both, and one for the poster and the thumbnails.
    expect(await starts()).toBe(4)
    const { media } = await job.context()
    const { previews } = await harness.database.runtime.db
      .selectFrom('media')
      .select('previews')
      .where('sha256', '=', media?.sha256 ?? null)
      .executeTakeFirstOrThrow()
    expect(previews).toMatchObject([
      { kind: 'poster', atSeconds: defaultCoverMs / 1_000 },
      { kind: 'thumbnail' },
      { kind: 'thumbnail' },
      { kind: 'thumbnail' },
    ])
    expect(await auditQuota(harness.database.runtime.db, harness.organizationId)).toEqual([])
  },
  timeoutMs,
)
