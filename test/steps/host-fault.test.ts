import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ClipRef } from '../../machines/job/context.ts'
import { maxAttempts } from '../../machines/rules/retry.ts'
import type { JobRef, VideoProvider } from '../../src/providers/video/provider.ts'
import { nextStepFor } from '../../src/verdict/failure-verdict.ts'
import { countingFfmpeg } from '../providers/video/local/render-harness.ts'
import type { DrivenJob } from '../support/driven-job.ts'
import { waitUntil } from '../support/wait.ts'
import { shortStoryboard } from '../support/worker-fixture.ts'
import { createHostHarness } from './host-harness.ts'

/** Rendering takes long on a busy machine. */
const timeoutMs = 240_000

const harness = await createHostHarness()

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'reelpilot-host-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Mounts a tmpfs of this size; false if this process may not mount. */
async function mountSmallDisk(folder: string, bytes: number): Promise<boolean> {
  await mkdir(folder, { recursive: true })
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  if (status !== 0) {
    console.warn(`SKIPPED on a full disk: this process may not mount a tmpfs (${stderr})`)
    return false
  }
  onTestFinished(() => void spawnSync('umount', ['-l', folder]))
  return true
}

/** Waits for the renderer in real time, because the minutes between a job's attempts pass at once in these tests. */
async function untilRendered(videos: VideoProvider, clip: ClipRef | null): Promise<void> {
  if (clip === null) return
  const ref = clip as unknown as JobRef // The provider's own reference, stored as JSON.
  const poll = () =>
    videos.poll(ref, { signal: AbortSignal.timeout(60_000) }).then(
      ({ kind }) => kind,
      () => 'unavailable',
    )
  await waitUntil(poll, (kind) => kind === 'done', 120_000)
}

async function fill(folder: string): Promise<string> {
  const { bavail, bsize } = await statfs(folder)
  const file = path.join(folder, 'filler')
  await writeFile(file, randomBytes(bavail * bsize)).catch(() => undefined)
  return file
}

async function expectOperatorFailure(job: DrivenJob, code: string): Promise<void> {
  const { failure, ending } = await job.context()
  expect(failure).toMatchObject({ verdict: 'NEEDS_OPERATOR', code })
  expect(ending).toBeNull()
  expect(failure?.message).not.toMatch(/\/|\n/)
  expect(failure && nextStepFor(failure)).toContain('operator')
}

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
  'a worker renders and joins scenes with the configured ffmpeg',
  async () => {
    const directory = await temporaryFolder()
    const { ffmpegPath, starts } = await countingFfmpeg(directory)
    const worker = await harness.openWorker({ directory, ffmpegPath })
    const job = await worker.start()
    expect(await job.advance('awaitingSlot')).toBe('awaitingSlot')
    // One start per scene, and one to join both.
    expect(await starts()).toBe(3)
  },
  timeoutMs,
)

describe('on a full disk', () => {
  it.each(['renders', 'media', 'work'])(
    'for %s, jobs need a person, keep their clips, and go on once there is space',
    async (folder) => {
      const directory = await temporaryFolder()
      const disk = path.join(directory, folder)
      if (!(await mountSmallDisk(disk, 8 * 1024 * 1024))) return
      const worker = await harness.openWorker({ directory })
      const filler = await fill(disk)
      const job = await worker.start()
      expect(await job.advance((context, state) => state === 'failed' || context.attempts > 1)).not.toBe(
        'failed',
      )
      await expectOperatorFailure(job, 'DISK_FULL')
      const { clips } = await job.context()
      await harness.setAttempts(job.jobId, maxAttempts - 1)
      expect(await job.advance()).toBe('needsPerson')
      await expectOperatorFailure(job, 'DISK_FULL')
      expect(worker.reports.map(({ kind }) => kind)).toEqual(['began'])

      await rm(filler)
      await untilRendered(worker.videos, (await job.context()).clip)
      await job.sendEvent({ type: 'retry' })
      expect(await job.advance('awaitingSlot')).toBe('awaitingSlot')
      expect((await job.context()).clips.slice(0, clips.length)).toEqual(clips)
    },
    timeoutMs,
  )
})
