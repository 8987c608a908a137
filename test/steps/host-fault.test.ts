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
import type { RehearsedJob } from '../support/rehearsed-job.ts'
import { waitUntil } from '../support/wait.ts'
import { shortStoryboard } from '../support/worker-fixture.ts'
import { createHostHarness } from './host-harness.ts'

/** Rendering takes a while on a busy machine. */
const patienceMs = 240_000

const fixture = await createHostHarness()

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'reelpilot-host-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A disk of its own of so many bytes, where this process may mount one. */
async function smallDisk(folder: string, bytes: number): Promise<boolean> {
  await mkdir(folder, { recursive: true })
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  if (status !== 0) {
    console.warn(`NOT TRIED on a full disk: nothing can be mounted here (${stderr})`)
    return false
  }
  onTestFinished(() => void spawnSync('umount', ['-l', folder]))
  return true
}

/** A renderer takes real time to try again, and the minutes between a job's attempts pass at once here. */
async function untilRendered(videos: VideoProvider, clip: ClipRef | null): Promise<void> {
  if (clip === null) return
  const ref = clip as unknown as JobRef // As the provider gave it.
  const look = () =>
    videos.poll(ref, { signal: AbortSignal.timeout(60_000) }).then(
      ({ kind }) => kind,
      () => 'in trouble',
    )
  await waitUntil(look, (kind) => kind === 'done', 120_000)
}

async function fill(folder: string): Promise<string> {
  const { bavail, bsize } = await statfs(folder)
  const file = path.join(folder, 'filler')
  await writeFile(file, randomBytes(bavail * bsize)).catch(() => undefined)
  return file
}

async function expectAsked(job: RehearsedJob, code: string): Promise<void> {
  const { failure, ending } = await job.context()
  expect(failure).toMatchObject({ verdict: 'NEEDS_OPERATOR', code })
  expect(ending).toBeNull()
  expect(failure?.message).not.toMatch(/\/|\n/)
  expect(failure && nextStepFor(failure)).toContain('operator')
}

describe('without an ffmpeg', () => {
  it(
    'jobs wait for a person, keep what they have, and go on once there is one',
    async () => {
      const directory = await temporaryFolder()
      const worker = await fixture.openWorker({ directory, ffmpegPath: '/nope' })
      const jobs = [await worker.start(), await worker.start({ ...shortStoryboard, seed: 7 })]
      for (const job of jobs) {
        expect(await job.advance()).toBe('needsPerson')
        await expectAsked(job, 'FFMPEG_MISSING')
      }
      // The log hears of the machine, not of every job.
      expect(worker.news.map(({ kind }) => kind)).toEqual(['began'])

      const mended = await fixture.openWorker({ directory })
      for (const job of jobs) {
        await job.send({ type: 'retry' })
        expect(await mended.takeOver(job).advance('awaitingSlot')).toBe('awaitingSlot')
      }
    },
    patienceMs,
  )

  it(
    'that may be run it is the same',
    async () => {
      const directory = await temporaryFolder()
      const ffmpegPath = path.join(directory, 'ffmpeg')
      await writeFile(ffmpegPath, 'no program')
      await chmod(ffmpegPath, 0o644)
      const worker = await fixture.openWorker({ directory, ffmpegPath })
      const job = await worker.start()
      expect(await job.advance()).toBe('needsPerson')
      await expectAsked(job, 'FFMPEG_MISSING')
    },
    patienceMs,
  )
})

it(
  'renders scenes and joins them with the ffmpeg that is set',
  async () => {
    const directory = await temporaryFolder()
    const { ffmpegPath, starts } = await countingFfmpeg(directory)
    const worker = await fixture.openWorker({ directory, ffmpegPath })
    const job = await worker.start()
    expect(await job.advance('awaitingSlot')).toBe('awaitingSlot')
    // One for each of two scenes, and one that joins them.
    expect(await starts()).toBe(3)
  },
  patienceMs,
)

describe('on a full disk', () => {
  it.each(['renders', 'media', 'work'])(
    'of %s, jobs wait, keep their clips, and go on once there is room',
    async (place) => {
      const directory = await temporaryFolder()
      const disk = path.join(directory, place)
      if (!(await smallDisk(disk, 8 * 1024 * 1024))) return
      const worker = await fixture.openWorker({ directory })
      const filler = await fill(disk)
      const job = await worker.start()
      expect(await job.advance((context, state) => state === 'failed' || context.attempts > 1)).not.toBe(
        'failed',
      )
      await expectAsked(job, 'DISK_FULL')
      const { clips } = await job.context()
      await fixture.countAttempts(job.jobId, maxAttempts - 1)
      expect(await job.advance()).toBe('needsPerson')
      await expectAsked(job, 'DISK_FULL')
      expect(worker.news.map(({ kind }) => kind)).toEqual(['began'])

      await rm(filler)
      await untilRendered(worker.videos, (await job.context()).clip)
      await job.send({ type: 'retry' })
      expect(await job.advance('awaitingSlot')).toBe('awaitingSlot')
      expect((await job.context()).clips.slice(0, clips.length)).toEqual(clips)
    },
    patienceMs,
  )
})
