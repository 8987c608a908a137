import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { ClipRef } from '../../../machines/job/context.ts'
import { maxAttempts } from '../../../machines/rules/retry.ts'
import type { JobRef, VideoProvider } from '../../../src/providers/video/provider.ts'
import { temporaryFolder } from '../../providers/video/local/render-harness.ts'
import { createHostHarness, expectOperatorFailure } from '../../steps/host-harness.ts'
import { waitUntil } from '../../support/wait.ts'

const harness = await createHostHarness()

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

it.each(['renders', 'media', 'work'])(
  'on a full disk for %s, jobs need a person, keep their clips, and go on once there is space',
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
  600_000,
)
