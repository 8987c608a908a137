import { appendFile, copyFile, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { bundledFfmpeg, startFfmpeg } from '../../../../src/providers/video/local/ffmpeg.ts'
import {
  type MediaProbe,
  NotAVideo,
  probeMedia,
  probeVideo,
} from '../../../../src/providers/video/local/probe.ts'
import { signal } from './render-harness.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'reelpilot-probe-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const file = (name: string) => path.join(folder, name)

async function ffmpeg(args: readonly string[]): Promise<void> {
  await startFfmpeg(bundledFfmpeg(), args, signal).finish()
}

interface VideoOptions {
  readonly size?: string
  readonly rate?: string
  readonly sound?: boolean
  readonly seconds?: number
  readonly coding?: readonly string[]
}

const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
const vp = (codec: string, sound: string) => [
  '-c:v',
  codec,
  '-deadline',
  'realtime',
  '-cpu-used',
  '8',
  '-c:a',
  sound,
]

/** Makes a real video with a test picture and, with `sound`, a tone. */
async function makeVideo(
  name: string,
  { size = '360x640', rate = '30', sound = false, seconds = 1, coding = h264 }: VideoOptions = {},
): Promise<string> {
  const tone = sound ? ['-f', 'lavfi', '-i', `sine=d=${seconds}`] : []
  const picture = ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${seconds}`]
  await ffmpeg([...picture, ...tone, ...coding, file(name)])
  return file(name)
}

/** Probes a video; throws if it is unreadable. */
async function probe(name: string): Promise<Extract<MediaProbe, { kind: 'probed' }>> {
  const result = await probeMedia(file(name))
  if (result.kind === 'unreadable') throw new Error(result.why)
  return result
}

describe('probeMedia', () => {
  it('reads every property that TikTok has rules about', async () => {
    const video = await makeVideo('tall.mp4', { size: '1080x1920', sound: true, seconds: 0.5 })
    expect(await probeMedia(video)).toEqual({
      kind: 'probed',
      container: 'mp4',
      videoCodec: 'h264',
      audioCodec: 'aac',
      width: 1080,
      height: 1920,
      framesPerSecond: 30,
      seconds: expect.closeTo(0.5, 1),
      bytes: (await stat(video)).size,
    })
  })

  it.each(['15', '60', '30000/1001'])('measures %s frames a second', async (rate) => {
    const name = `at-${rate.replace('/', '-')}.mp4`
    await makeVideo(name, { rate })
    const [frames = 0, over = 1] = rate.split('/').map(Number)
    expect((await probe(name)).framesPerSecond).toBeCloseTo(frames / over, 3)
  })

  it('gives the mean rate of a video with a variable rate', async () => {
    // One second with 30 frames, then one second with every third frame.
    const thinned = ['-vf', "select='not(mod(n,3))+lt(n,30)'", '-vsync', 'vfr', ...h264]
    await makeVideo('varying.mp4', { seconds: 2, coding: thinned })
    expect((await probe('varying.mp4')).framesPerSecond).toBeCloseTo(40 / (58 / 30), 1)
  })

  it.each([
    ['vp9.webm', vp('libvpx-vp9', 'libopus'), { container: 'webm', videoCodec: 'vp9', audioCodec: 'opus' }],
    ['vp8.webm', vp('libvpx', 'libvorbis'), { container: 'webm', videoCodec: 'vp8', audioCodec: 'vorbis' }],
    ['h264.mov', h264, { container: 'mov', videoCodec: 'h264', audioCodec: 'aac' }],
    ['h264.mkv', h264, { container: 'matroska', videoCodec: 'h264', audioCodec: 'aac' }],
    [
      'h265.mp4',
      ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error', '-c:a', 'libmp3lame'],
      { container: 'mp4', videoCodec: 'h265', audioCodec: 'mp3' },
    ],
  ] as const)('names the container and codecs of %s', async (name, coding, expected) => {
    await makeVideo(name, { sound: true, coding })
    expect(await probe(name)).toMatchObject({ ...expected, width: 360, height: 640 })
    // WebM and Matroska store milliseconds.
    expect((await probe(name)).framesPerSecond).toBeCloseTo(30, 1)
  })

  it('gives an unknown codec the file’s name for it and prints nothing to the console', async () => {
    const warned = vi.spyOn(console, 'warn')
    await makeVideo('old.mp4', { coding: ['-c:v', 'mpeg4'] })
    expect(await probe('old.mp4')).toMatchObject({ videoCodec: 'mp4v', audioCodec: null })
    expect(warned).not.toHaveBeenCalled()
  })

  it('gives the displayed width and height, not the stored ones', async () => {
    const wide = await makeVideo('wide.mp4', { size: '640x360' })
    await ffmpeg(['-i', wide, '-c', 'copy', '-metadata:s:v', 'rotate=90', file('rotated.mp4')])
    expect(await probe('wide.mp4')).toMatchObject({ width: 640, height: 360 })
    expect(await probe('rotated.mp4')).toMatchObject({ width: 360, height: 640 })
  })

  it('gives the reason for a file that is no video', async () => {
    await writeFile(file('text.mp4'), 'This is not a video, whatever its name says.\n'.repeat(50))
    await writeFile(file('empty.mp4'), '')
    await writeFile(
      file('list.mp4'),
      '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ntall.mp4\n#EXT-X-ENDLIST\n',
    )
    await ffmpeg(['-f', 'lavfi', '-i', 'sine=d=1', '-c:a', 'aac', file('sound.mp4')])
    const reasons = await Promise.all(
      ['text', 'empty', 'list', 'sound'].map((name) => probeMedia(file(`${name}.mp4`))),
    )
    expect(reasons).toEqual([
      { kind: 'unreadable', why: 'the file cannot be read as a video' },
      { kind: 'unreadable', why: 'the file is empty' },
      { kind: 'unreadable', why: 'the file cannot be read as a video' },
      { kind: 'unreadable', why: 'the file has no video track' },
    ])
  })

  it.each([
    ['mp4', 'index behind', h264, 0.5, 'the file has no video track'],
    [
      'mp4',
      'index in front',
      [...h264, '-movflags', '+faststart'],
      0.999,
      'the file ends before its last frame',
    ],
    ['webm', 'many clusters', vp('libvpx-vp9', 'libopus'), 0.6, 'the file ends before its last frame'],
  ])('refuses a truncated %s (%s)', async (type, how, coding, share, why) => {
    const whole = await makeVideo(`${how}.${type}`, { size: '180x320', seconds: 12, sound: true, coding })
    const cut = file(`${how}, cut.${type}`)
    await copyFile(whole, cut)
    await truncate(cut, Math.floor((await stat(cut)).size * share))
    expect(await probeMedia(cut)).toEqual({ kind: 'unreadable', why })
    expect(await probeMedia(whole)).toMatchObject({ kind: 'probed' })
  })

  it('ignores data after the video', async () => {
    const video = await makeVideo('longer.mp4')
    await appendFile(video, Buffer.from([0, 0, 0, 8, ...Buffer.from('free')]))
    expect(await probe('longer.mp4')).toMatchObject({ videoCodec: 'h264', bytes: (await stat(video)).size })
  })

  it('throws the system’s error when the file cannot be opened', async () => {
    await expect(probeMedia(file('nowhere.mp4'))).rejects.toThrow('ENOENT')
    await expect(probeMedia(folder)).rejects.toThrow('EISDIR')
  })
})

describe('probeVideo', () => {
  it('counts the frames and refuses a file that is no video', async () => {
    const video = await makeVideo('counted.mp4', { sound: true })
    expect(await probeVideo(video)).toEqual({
      container: 'video/mp4',
      width: 360,
      height: 640,
      videoCodec: 'avc',
      audioCodec: 'aac',
      seconds: expect.closeTo(1, 2),
      frameRate: 30,
      frames: 30,
      bytes: (await stat(video)).size,
    })
    await expect(probeVideo(file('nowhere.mp4'))).rejects.toThrow(NotAVideo)
  })
})
