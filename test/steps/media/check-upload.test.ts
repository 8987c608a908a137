import { readFile, stat, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { MediaCheck } from '../../../machines/media.ts'
import { createFfmpegFinder, type FfmpegFinder } from '../../../src/providers/media/modern-ffmpeg.ts'
import { bundledFfmpeg } from '../../../src/providers/video/local/ffmpeg.ts'
import { checkUpload } from '../../../src/steps/media/check-upload.ts'
import { ffmpeg, makeVideoFile, type VideoFileOptions } from '../../support/video-file.ts'
import { createMediaHarness, type MediaHarness } from './harness.ts'

let harness: MediaHarness
beforeAll(async () => {
  harness = await createMediaHarness()
})

const hasModern: FfmpegFinder = { find: async () => 'ffmpeg' }
const hasNone: FfmpegFinder = { find: async () => null }

async function check(file: string, mediaFfmpeg = hasModern): Promise<MediaCheck> {
  const mediaId = await harness.upload(file)
  const outcome = await checkUpload({ ...harness.deps, mediaFfmpeg }, harness.context(mediaId))
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome))
  return outcome.output as unknown as MediaCheck
}
const make = (name: string, options?: VideoFileOptions) => makeVideoFile(harness.directory, name, options)
const at = (name: string) => path.join(harness.directory, name)
const messageOf = (found: MediaCheck) => (found.kind === 'refused' ? found.failure.message : '')
async function write(name: string, content: Buffer | string): Promise<string> {
  await writeFile(at(name), content)
  return at(name)
}

const vp9 = ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libopus']

describe('the check of an upload', () => {
  it('accepts what TikTok takes, and records what the file is by its content', async () => {
    const file = await make('fine.mp4')
    const mediaId = await harness.upload(file)
    const outcome = await checkUpload({ ...harness.deps, mediaFfmpeg: hasModern }, harness.context(mediaId))
    expect(outcome).toEqual({ kind: 'done', output: { kind: 'accepted', remedies: [] } })
    expect(await harness.read(mediaId)).toMatchObject({
      container: 'mp4',
      contentType: 'video/mp4',
      videoCodec: 'h264',
      audioCodec: 'aac',
      width: 360,
      height: 640,
      frameRate: 30,
      bytes: (await stat(file)).size,
    })
  })

  it('accepts a MOV and a WebM', async () => {
    expect(await check(await make('fine.mov', { seconds: 1.1 }))).toEqual({ kind: 'accepted', remedies: [] })
    expect(await check(await make('fine.webm', { coding: vp9 }))).toEqual({ kind: 'accepted', remedies: [] })
  })

  it.each([
    {
      what: '10.5 minutes',
      options: { seconds: 10, times: 63, rate: 23, hasSound: false },
      code: 'UPLOAD_DURATION',
      message: /duration is 630.*600/,
      remedies: [],
    },
    {
      what: '22 frames a second',
      options: { rate: 22 },
      code: 'UPLOAD_FRAMERATE',
      message: /frame rate is 22, the limit is 23/,
      remedies: ['frameRate'],
    },
    {
      what: '300 pixels',
      options: { size: '300x640' },
      code: 'UPLOAD_WIDTH',
      message: /width is 300, the limit is 360/,
      remedies: [],
    },
    {
      what: 'an old codec',
      options: { coding: ['-c:v', 'mpeg4', '-c:a', 'aac'] },
      code: 'UPLOAD_VIDEOCODEC',
      message: /video codec is mp4v/,
      remedies: ['videoCodec'],
    },
  ])('refuses $what with the rule', async ({ what, options, code, message, remedies }) => {
    const found = await check(await make(`${what}.mp4`, options))
    expect(found).toMatchObject({ kind: 'refused', failure: { verdict: 'FIX_MEDIA', code }, remedies })
    expect(messageOf(found)).toMatch(message)
  })

  it('offers a conversion where one helps, if there is an ffmpeg for it', async () => {
    const copy = ['-i', await make('for-mkv.mp4', { seconds: 1.2 }), '-c', 'copy']
    await ffmpeg(...copy, at('fine.mkv'))
    const found = await check(at('fine.mkv'))
    expect(found).toMatchObject({ failure: { code: 'UPLOAD_CONTAINER' }, remedies: ['container'] })
    expect(messageOf(found)).toContain('convertMedia')
    const without = await check(await make('slow.mp4', { rate: 20 }), hasNone)
    expect(without).toMatchObject({ kind: 'refused', remedies: [] })
    expect(messageOf(without)).toContain('no ffmpeg of version 5')
  })

  it('finds what troubles players, and accepts it', async () => {
    const front = ['-movflags', '+faststart']
    expect(await check(await make('silent.mp4', { hasSound: false }))).toMatchObject({
      kind: 'accepted',
      remedies: ['audioMissing'],
    })
    await ffmpeg('-i', await make('early.mp4', { seconds: 1.3 }), '-c', 'copy', at('late.mp4'))
    expect(await check(at('late.mp4'))).toEqual({ kind: 'accepted', remedies: ['indexAtEnd'] })
    const lying = ['-i', await make('lying.mp4', { size: '640x360' }), '-c', 'copy']
    await ffmpeg(...lying, '-metadata:s:v', 'rotate=90', ...front, at('turned.mp4'))
    expect(await check(at('turned.mp4'))).toEqual({ kind: 'accepted', remedies: ['rotation'] })
    const steady = ['-i', await make('steady.mp4', { rate: 60 }), '-vf', "select='not(eq(mod(n,7),3))'"]
    const encoded = ['-vsync', 'vfr', '-preset', 'ultrafast', '-c:a', 'copy']
    await ffmpeg(...steady, ...encoded, ...front, at('varying.mp4'))
    expect(await check(at('varying.mp4'))).toEqual({ kind: 'accepted', remedies: ['frameRate'] })
  })

  it('refuses what is no video, or not a whole one', async () => {
    await ffmpeg('-f', 'lavfi', '-i', 'sine=d=1', '-c:a', 'aac', at('sound.mp4'))
    const short = await make('short.mp4', { seconds: 2 })
    await truncate(short, Math.floor((await stat(short)).size * 0.7))
    const page = await write('page.mp4', '<!doctype html><html><body>Not a video</body></html>'.repeat(50))
    for (const [file, message] of [
      [at('sound.mp4'), /no video track/],
      [page, /cannot be read as a video/],
      [short, /ends before its last frame/],
    ] as const) {
      const found = await check(file)
      expect(found).toMatchObject({ failure: { code: 'UPLOAD_UNREADABLE' }, remedies: [] })
      expect(messageOf(found)).toMatch(message)
    }
  })

  it('survives containers that declare huge tables', async () => {
    const content = await readFile(await make('bomb.mp4', { hasSound: false, seconds: 1.4 }))
    for (const [table, countAt] of [
      ['stsz', 12],
      ['stts', 8],
      ['stsc', 8],
      ['stco', 8],
    ] as const) {
      const bomb = Buffer.from(content)
      bomb.writeUInt32BE(0xffff_fff0, bomb.indexOf(table) + countAt)
      const found = await check(await write(`${table}.mp4`, bomb))
      expect(found, table).toMatchObject({ failure: { code: 'UPLOAD_UNREADABLE' } })
    }
  }, 300_000)
})

describe('the ffmpeg for foreign files', () => {
  it('is not the bundled one, which is older than version 5', async () => {
    expect(await createFfmpegFinder(bundledFfmpeg()).find()).toBeNull()
  })

  it('is looked for again after a while', async () => {
    let now = 0
    const finder = createFfmpegFinder(at('later-ffmpeg'), () => now)
    expect(await finder.find()).toBeNull()
    const script = '#!/bin/sh\necho "libavutil      57. 28.100 / 57. 28.100"\n'
    await writeFile(at('later-ffmpeg'), script, { mode: 0o755 })
    expect(await finder.find()).toBeNull()
    now += 600_000
    expect(await finder.find()).toBe(at('later-ffmpeg'))
  })
})
