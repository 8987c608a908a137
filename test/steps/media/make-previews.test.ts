import { readdir } from 'node:fs/promises'
import { loadImage } from '@napi-rs/canvas'
import { beforeAll, describe, expect, it } from 'vitest'
import { createFfmpegFinder } from '../../../src/providers/media/modern-ffmpeg.ts'
import { checkUpload } from '../../../src/steps/media/check-upload.ts'
import { makePreviews } from '../../../src/steps/media/make-previews.ts'
import { purgeMedia } from '../../../src/steps/media/purge-media.ts'
import { sweepMedia } from '../../../src/steps/video/sweep-media.ts'
import { markDeleted } from '../../../src/store/media/changes.ts'
import { auditQuota } from '../../../src/store/quota/audit.ts'
import { makeVideoFile } from '../../support/video-file.ts'
import { createMediaHarness, type MediaHarness } from './harness.ts'

const mediaFfmpeg = createFfmpegFinder(undefined)
const modern = await mediaFfmpeg.find()
if (modern === null) console.warn('skipped without ffmpeg 5 or later: previews of uploads')

let harness: MediaHarness
beforeAll(async () => {
  harness = await createMediaHarness()
})

describe('the previews of an upload', () => {
  it.skipIf(modern === null)('are a poster and three thumbnails, counted and removed with it', async () => {
    const { deps, database, organizationId, storage, context } = harness
    const file = await makeVideoFile(harness.directory, 'seen.mp4', { size: '720x1280', seconds: 2 })
    const mediaId = await harness.upload(file)
    expect(await checkUpload({ ...deps, mediaFfmpeg }, context(mediaId))).toMatchObject({ kind: 'done' })
    // A worker that died after it had recorded them makes them again.
    for (let times = 0; times < 2; times += 1)
      expect(await makePreviews({ ...deps, mediaFfmpeg }, context(mediaId))).toMatchObject({ kind: 'done' })

    const { previews, bytes } = await harness.read(mediaId)
    expect(previews.map(({ kind, atSeconds, width, height }) => [kind, atSeconds, width, height])).toEqual([
      ['poster', 0.2, 720, 1280],
      ['thumbnail', 0.5, 180, 320],
      ['thumbnail', 1, 180, 320],
      ['thumbnail', 1.5, 180, 320],
    ])
    for (const { sha256, width, height } of previews)
      await storage.withFile(organizationId, sha256, async (path) => {
        const image = await loadImage(path)
        expect([image.width, image.height]).toEqual([width, height])
      })
    expect(await readdir(deps.workDirectory)).toEqual([])
    expect(await sweepMedia(storage, deps.db, 0)).toBe(0)

    // The harness stored the upload itself without counting it.
    const [finding] = await auditQuota(deps.db, organizationId)
    expect(finding).toMatchObject({ code: 'STORAGE_MISMATCH' })
    expect((finding?.expected ?? 0) - (finding?.found ?? 0)).toBe(bytes)
    await markDeleted(database.runtime.db, mediaId, true)
    await purgeMedia(deps, context(mediaId))
    expect(await sweepMedia(storage, deps.db, 0)).toBe(5)
  })

  it('are missing, with the reason, without an ffmpeg that may read foreign files', async () => {
    const { deps, context } = harness
    const mediaId = await harness.upload(
      await makeVideoFile(harness.directory, 'unseen.mp4', { seconds: 1.2 }),
    )
    const none = { find: async () => null }
    await checkUpload({ ...deps, mediaFfmpeg: none }, context(mediaId))
    expect(await makePreviews({ ...deps, mediaFfmpeg: none }, context(mediaId))).toMatchObject({
      kind: 'notDone',
      error: { kind: 'failed', failure: { code: 'NO_MODERN_FFMPEG' } },
    })
    expect((await harness.read(mediaId)).previews).toEqual([])
  })

  it.skipIf(modern === null)('of a file that cannot be decoded are no reason to try again', async () => {
    const { deps, context, organizationId, storage, database } = harness
    const mediaId = await harness.upload(
      await makeVideoFile(harness.directory, 'broken.mp4', { seconds: 1.3 }),
    )
    await checkUpload({ ...deps, mediaFfmpeg }, context(mediaId))
    const page = await storage.put(
      organizationId,
      (async function* () {
        yield Buffer.from('<html>'.repeat(100))
      })(),
    )
    await database.owner.pool.query('update reelpilot.media set sha256 = $2 where id = $1', [
      mediaId,
      page.sha256,
    ])
    expect(await makePreviews({ ...deps, mediaFfmpeg }, context(mediaId))).toMatchObject({
      kind: 'notDone',
      error: { kind: 'failed', failure: { code: 'PREVIEW_FAILED' } },
    })
  })
})
