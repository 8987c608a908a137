import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ffmpeg from '@ffmpeg-installer/ffmpeg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkPhoto } from '../../src/simulator/post/media-check.ts'
import { call, statusOf } from './raw-request.ts'
import { type Pair, startPair } from './support.ts'

const run = promisify(execFile)
let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'local-tiktok-media-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** Creates a real file with a test picture. */
async function make(name: string, ...args: readonly string[]): Promise<string> {
  const path = join(directory, name)
  await run(ffmpeg.path, ['-v', 'error', '-y', '-f', 'lavfi', ...args, path])
  return path
}

async function postAndWait(bytes: Buffer, settings = { checkMedia: true, maxDurationSeconds: 2 }) {
  const pair = await startPair(settings)
  const { data } = await statusOf(pair, await post(pair, bytes))
  return data.fail_reason ?? data.status
}

async function post(pair: Pair, bytes: Buffer, postInfo: object = {}): Promise<string> {
  const size = bytes.length
  const init = await call(pair, '/v2/post/publish/video/init/', {
    post_info: { privacy_level: 'SELF_ONLY', ...postInfo },
    source_info: { source: 'FILE_UPLOAD', video_size: size, chunk_size: size, total_chunk_count: 1 },
  })
  await fetch(String(init.data.upload_url), {
    method: 'PUT',
    body: new Uint8Array(bytes),
    headers: { 'content-type': 'video/mp4', 'content-range': `bytes 0-${size - 1}/${size}` },
  })
  return String(init.data.publish_id)
}

test.each([
  ['testsrc=s=360x640:r=30:d=1', 'mp4', 'PUBLISH_COMPLETE'],
  ['testsrc=s=360x640:r=60:d=1', 'mp4', 'PUBLISH_COMPLETE'],
  ['testsrc=s=360x640:r=10:d=1', 'mp4', 'frame_rate_check_failed'],
  ['testsrc=s=320x640:r=30:d=1', 'mp4', 'picture_size_check_failed'],
  ['testsrc=s=360x640:r=30:d=3', 'mp4', 'duration_check_failed'],
  ['testsrc=s=360x640:r=30:d=1', 'matroska', 'file_format_check_failed'],
] as const)('the media check of a video of %s in %s results in %s', async (source, container, end) => {
  const path = await make('video', '-i', source, '-pix_fmt', 'yuv420p', '-f', container)
  expect(await postAndWait(await readFile(path))).toBe(end)
})

test('the cover of a video is the frame that the init names, or the first one if the video has no such frame', async () => {
  const path = await make('cover', '-i', 'testsrc=s=360x640:r=30:d=1', '-pix_fmt', 'yuv420p', '-f', 'mp4')
  const bytes = await readFile(path)
  const pair = await startPair({ checkMedia: true })
  const named = [undefined, -5, 0, 700, 1_000]
  for (const video_cover_timestamp_ms of named) await post(pair, bytes, { video_cover_timestamp_ms })
  expect(pair.local.posts().map(({ coverTimestampMs }) => coverTimestampMs)).toEqual([0, 0, 0, 700, 0])
})

test('a file that is no video fails, unless the media check is off', async () => {
  const bytes = Buffer.alloc(5000, 'x')
  expect(await postAndWait(bytes)).toBe('file_format_check_failed')
  expect(await postAndWait(bytes, { checkMedia: false, maxDurationSeconds: 2 })).toBe('PUBLISH_COMPLETE')
})

test('a photo must be JPEG or WebP with a shorter side of at most 1080 pixels', async () => {
  const one = (name: string, size: string) => make(name, '-i', `testsrc=s=${size}`, '-frames:v', '1')
  expect(await checkPhoto(await one('fits.jpg', '1080x1440'))).toBeUndefined()
  expect(await checkPhoto(await one('wide.jpg', '1086x1448'))).toBe('picture_size_check_failed')
  expect(await checkPhoto(await one('wrong.png', '360x640'))).toBe('file_format_check_failed')
  const cut = join(directory, 'cut.jpg')
  await writeFile(cut, (await readFile(join(directory, 'fits.jpg'))).subarray(0, 40))
  expect(await checkPhoto(cut)).toBe('file_format_check_failed')
})
