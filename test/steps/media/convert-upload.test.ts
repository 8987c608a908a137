import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { MediaCheck } from '../../../machines/media.ts'
import { countStored } from '../../../src/commands/media/count-stored.ts'
import {
  ForeignFileFailed,
  foreignInput,
  runForeignFfmpeg,
} from '../../../src/providers/media/foreign-ffmpeg.ts'
import { createFfmpegFinder } from '../../../src/providers/media/modern-ffmpeg.ts'
import { checkUpload } from '../../../src/steps/media/check-upload.ts'
import { convertUpload } from '../../../src/steps/media/convert-upload.ts'
import { sweepMedia } from '../../../src/steps/video/sweep-media.ts'
import { auditQuota } from '../../../src/store/quota/audit.ts'
import { ffmpeg, makeVideoFile } from '../../support/video-file.ts'
import { createMediaHarness, type MediaHarness } from './harness.ts'

const mediaFfmpeg = createFfmpegFinder(undefined)
const modern = await mediaFfmpeg.find()
if (modern === null) console.warn('skipped without ffmpeg 5 or later: conversions of uploads')

let harness: MediaHarness
beforeAll(async () => {
  harness = await createMediaHarness()
})
const at = (name: string) => path.join(harness.directory, name)

async function check(mediaId: string): Promise<MediaCheck> {
  const outcome = await checkUpload({ ...harness.deps, mediaFfmpeg }, harness.context(mediaId))
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome))
  return outcome.output as unknown as MediaCheck
}

describe.skipIf(modern === null)('a conversion', () => {
  it('mends a slow, rotated, silent video with odd sizes, and replaces the file with its bytes', async () => {
    const { deps, context, organizationId, storage } = harness
    const odd = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv444p']
    const plain = await makeVideoFile(harness.directory, 'plain.mp4', {
      size: '641x361',
      rate: 20,
      hasSound: false,
      coding: odd,
    })
    await ffmpeg('-i', plain, '-c', 'copy', '-metadata:s:v', 'rotate=90', at('turned.mov'))
    const mediaId = await harness.upload(at('turned.mov'))
    const found = await check(mediaId)
    expect(found).toMatchObject({
      kind: 'refused',
      remedies: ['audioMissing', 'rotation', 'frameRate', 'indexAtEnd'],
    })
    const before = await harness.read(mediaId)
    const counted = { organizationId, at: Date.now(), bytes: before.bytes ?? 0 }
    await deps.db.transaction().execute((tx) => countStored(tx, counted))
    // A worker that died after it had recorded the result converts it again.
    for (let times = 0; times < 2; times += 1)
      expect(
        await convertUpload({ ...deps, mediaFfmpeg }, context(mediaId), {
          remedies: [...found.remedies, 'size'],
        }),
      ).toEqual({ kind: 'done', output: null })
    expect(await check(mediaId)).toEqual({ kind: 'accepted', remedies: [] })
    const after = await harness.read(mediaId)
    expect(after).toMatchObject({
      container: 'mp4',
      videoCodec: 'h264',
      audioCodec: 'aac',
      width: 360,
      height: 640,
      frameRate: 30,
    })
    expect(after.sha256).not.toBe(before.sha256)
    expect(await auditQuota(deps.db, organizationId)).toEqual([])
    expect(await sweepMedia(storage, deps.db, 0)).toBeGreaterThan(0)
    expect(await storage.stat(organizationId, after.sha256 ?? '')).toBeDefined()
    expect(await readdir(deps.workDirectory)).toEqual([])
  })

  it('keeps the picture as it is where only the container is wrong', async () => {
    await ffmpeg('-i', await makeVideoFile(harness.directory, 'good.mp4'), '-c', 'copy', at('good.mkv'))
    const mediaId = await harness.upload(at('good.mkv'))
    const { remedies } = await check(mediaId)
    expect(remedies).toEqual(['container'])
    await convertUpload({ ...harness.deps, mediaFfmpeg }, harness.context(mediaId), { remedies })
    expect(await check(mediaId)).toEqual({ kind: 'accepted', remedies: [] })
    const { sha256, frameRate } = await harness.read(mediaId)
    expect(sha256).not.toBeNull()
    expect(frameRate).toBe(30)
  })

  it('of a file that ffmpeg cannot read fails for good, and leaves the file', async () => {
    const { deps, context, database, organizationId, storage } = harness
    const mediaId = await harness.upload(await makeVideoFile(harness.directory, 'fine.mp4', { seconds: 1.5 }))
    await check(mediaId)
    const page = await storage.put(
      organizationId,
      (async function* () {
        yield Buffer.from('<html>'.repeat(100))
      })(),
    )
    await database.owner.pool.query('update reelpilot.media set sha256 = $2, bytes = $3 where id = $1', [
      mediaId,
      page.sha256,
      page.bytes,
    ])
    expect(
      await convertUpload({ ...deps, mediaFfmpeg }, context(mediaId), { remedies: ['frameRate'] }),
    ).toMatchObject({ kind: 'notDone', error: { kind: 'failed', failure: { code: 'CONVERSION_FAILED' } } })
    expect((await harness.read(mediaId)).sha256).toBe(page.sha256)
  })

  it('opens no playlist, and ends at its limits', async () => {
    const limits = { timeoutMs: 60_000, cpuSeconds: 60, maxOutputBytes: 1_000_000 }
    const { signal } = new AbortController()
    await writeFile(
      at('list.mp4'),
      `ffconcat version 1.0\nfile '${await makeVideoFile(harness.directory, 'other.mp4')}'\n`,
    )
    const copy = (name: string) => [
      ...foreignInput(at(name), 'mp4'),
      '-c',
      'copy',
      '-f',
      'mp4',
      at('out.mp4'),
    ]
    await expect(runForeignFfmpeg('ffmpeg', copy('list.mp4'), limits, signal)).rejects.toThrow(
      ForeignFileFailed,
    )
    await runForeignFfmpeg('ffmpeg', copy('other.mp4'), limits, signal)
    const endless = ['-f', 'lavfi', '-i', 'testsrc2=s=360x640', '-f', 'mp4', at('endless.mp4')]
    await expect(
      runForeignFfmpeg('ffmpeg', endless, { ...limits, timeoutMs: 1_500 }, signal),
    ).rejects.toThrow('more than 1500 ms')
    await expect(
      runForeignFfmpeg('ffmpeg', endless, { ...limits, maxOutputBytes: 50_000 }, signal),
    ).rejects.toThrow(ForeignFileFailed)
  })
})
