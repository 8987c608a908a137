import { readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { createStorageGuard } from '../../../src/app/open-storage.ts'
import { registerBreakers } from '../../../src/circuit-breaker/breaker.ts'
import { createWithBreaker } from '../../../src/circuit-breaker/with-breaker.ts'
import { createS3Storage } from '../../../src/providers/storage/s3/s3-storage.ts'
import { sweepMedia } from '../../../src/steps/video/sweep-media.ts'
import { useRadosgw } from '../../support/s3/radosgw.ts'
import { startStorageProxy } from '../../support/s3/storage-proxy.ts'
import { createTestBucket } from '../../support/s3/test-bucket.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { createHostHarness } from '../host-harness.ts'

const harness = await createHostHarness()
const server = await useRadosgw()

it('a job waits while the storage is gone, and goes on with what it has', async ({ skip }) => {
  if (!server) return skip('radosgw is not installed')
  const { db } = harness.database.runtime
  const proxy = await startStorageProxy(server.endpoint)
  const bucket = await createTestBucket({ ...server, endpoint: proxy.endpoint })
  await registerBreakers(db, ['storage'])
  const guard = createStorageGuard(createWithBreaker({ db }))
  const directory = await temporaryDirectory()
  const cache = { directory: path.join(directory, 'cache'), maxBytes: 100_000_000 }
  const storage = await createS3Storage({ bucket, cache, guard })
  const worker = await harness.openWorker({ directory, storage })
  const job = await worker.start()

  for (const state of ['generating.keeping', 'storing', 'publishing.preparing']) {
    expect(await job.advance(state)).toBe(state)
    await proxy.stop()
    expect(await job.advance((context) => context.failure?.code === 'STORAGE_UNREACHABLE')).toMatch(
      /backingOff$/,
    )
    // Once the breaker is open, the job waits and consumes no attempt.
    expect(await job.advance((context) => context.failure?.code === 'circuitOpen')).toMatch(/backingOff$/)
    const { attempts, clips, media } = await job.context()
    await proxy.start()
    const next =
      { 'generating.keeping': 'storing', storing: 'checkingMedia' }[state] ?? 'publishing.uploading'
    expect(await job.advance(next)).toBe(next)
    expect(attempts).toBeLessThan(8)
    const after = await job.context()
    expect(after.clips.slice(0, clips.length)).toEqual(clips)
    expect(after.media ?? media).toEqual(media ?? after.media)
  }
  expect(worker.reports.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['began']))

  // What the machine keeps may be lost.
  await rm(path.join(cache.directory, harness.organizationId), { recursive: true })
  expect(await job.advance()).toBe('published')
  const { media } = await job.context()
  // The breaker is still recovering and has deferred the removal of clips: the sweep does it.
  const unguarded = await createS3Storage({ bucket, cache })
  await sweepMedia(unguarded, db, 0)
  const { previews } = await db.selectFrom('media').select('previews').executeTakeFirstOrThrow()
  const needed = [media?.sha256, ...previews.map(({ sha256 }) => sha256)]
  const kept = await unguarded.list(harness.organizationId, 0)
  expect(new Set(kept.map(({ sha256 }) => sha256))).toEqual(new Set(needed))
  const left = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  expect(left.filter((name) => name.endsWith('.part'))).toEqual([])
}, 240_000)
