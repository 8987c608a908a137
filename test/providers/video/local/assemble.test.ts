import { cp, mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type AssembleOptions,
  AssemblyFailed,
  assembleVideo,
} from '../../../../src/providers/video/local/assemble.ts'
import { audioOf } from '../../../../src/providers/video/local/audio.ts'
import { fingerprint } from '../../../../src/providers/video/local/clip-directory.ts'
import { createLocalProvider } from '../../../../src/providers/video/local/local-provider.ts'
import { NotAVideo, probeVideo } from '../../../../src/providers/video/local/probe.ts'
import { timelineOf } from '../../../../src/storyboard/timeline.ts'
import {
  partsIn,
  processesWith,
  renderAll,
  segmentsOf,
  signal,
  smallStoryboard,
  temporaryFolder,
} from './render-harness.ts'
import { extractStill } from './still.ts'

const storyboard = smallStoryboard([
  { seconds: 1.55, text: 'Here a day outlasts a year' },
  { seconds: 1.55, text: 'Welcome to Venus 🪐' },
])

let original = ''
beforeAll(async () => {
  original = await mkdtemp(path.join(tmpdir(), 'reelpilot-segments-'))
  const provider = createLocalProvider({ directory: original })
  await renderAll(provider, storyboard)
  await provider.close()
})
afterAll(() => rm(original, { recursive: true, force: true }))

/** A copy of the rendered segments, which a test may damage. */
async function rendered(): Promise<AssembleOptions> {
  // The quote in the path is a special character in ffmpeg's list of files.
  const directory = path.join(await temporaryFolder(), "the otter's clips")
  await cp(original, directory, { recursive: true })
  return { storyboard, segments: segmentsOf(directory, storyboard), directory, key: 'video-1', signal }
}

describe('assembleVideo', () => {
  it('makes one mp4 with exactly the storyboard’s frames and sound, and leaves no other file', async () => {
    const options = await rendered()
    const video = await assembleVideo(options)
    const { bytes } = await fingerprint(video.path)
    expect(video).toEqual({
      path: path.join(options.directory, 'video-1', 'video.mp4'),
      bytes,
      seconds: 3.1,
      width: 360,
      height: 640,
    })
    expect(await probeVideo(video.path)).toEqual({
      container: 'video/mp4',
      width: 360,
      height: 640,
      videoCodec: 'avc',
      audioCodec: 'aac',
      seconds: expect.closeTo(3.1, 1),
      frameRate: expect.closeTo(30, 1),
      frames: 93,
      bytes,
    })
    expect(partsIn(options.directory)).toEqual([])
  })

  it('gives the same bytes when it is repeated, also concurrently', async () => {
    const options = await rendered()
    const first = await fingerprint((await assembleVideo(options)).path)
    await Promise.all([assembleVideo(options), assembleVideo(options)])
    expect(await fingerprint(path.join(options.directory, 'video-1', 'video.mp4'))).toEqual(first)
  })

  it('refuses segments that are truncated, missing or of another storyboard', async () => {
    const options = await rendered()
    const [first = '', second = ''] = options.segments
    await expect(assembleVideo({ ...options, segments: [first] })).rejects.toThrow('make 47 frames')
    await expect(assembleVideo({ ...options, segments: [first, `${second}.gone`] })).rejects.toThrow(
      AssemblyFailed,
    )
    await truncate(second, 5000)
    await expect(assembleVideo(options)).rejects.toThrow(AssemblyFailed)
    expect(partsIn(options.directory)).toEqual([])
  })

  it('rejects with the signal’s reason and leaves no processes or files', async () => {
    const options = await rendered()
    const controller = new AbortController()
    const assembling = assembleVideo({ ...options, key: 'abandoned', signal: controller.signal })
    controller.abort(new Error('aborted by the test'))
    await expect(assembling).rejects.toThrow('aborted by the test')
    expect(processesWith(options.directory)).toEqual([])
    expect(partsIn(options.directory)).toEqual([])
  })

  it('refuses a key that is a path to another directory', async () => {
    const options = { storyboard, segments: [], directory: await temporaryFolder(), signal }
    await expect(assembleVideo({ ...options, key: '../elsewhere' })).rejects.toThrow(TypeError)
  })
})

describe('audioOf', () => {
  it('has exactly the duration of the picture, never clips and ends in silence', () => {
    const timeline = timelineOf(storyboard)
    const bytes = Buffer.concat([...audioOf(timeline, 30)])
    const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
    expect(samples).toHaveLength(timeline.frames * 1600 * 2)
    const peak = samples.reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0)
    expect(peak).toBeGreaterThan(10_000)
    expect(peak).toBeLessThan(32_000)
    expect(Math.abs(samples.at(-1) ?? 32_767)).toBeLessThan(10)
  })
})

describe('probeVideo', () => {
  it('refuses a file that is no video', async () => {
    await expect(probeVideo(new URL(import.meta.url).pathname)).rejects.toThrow(NotAVideo)
    await expect(probeVideo('/nowhere.mp4')).rejects.toThrow(NotAVideo)
  })
})

describe('stillOf', () => {
  it('writes one frame of a video as a picture', async () => {
    const { segments, directory } = await rendered()
    const picture = path.join(directory, 'still.png')
    await extractStill(segments[0] ?? '', 1, picture)
    expect((await fingerprint(picture)).bytes).toBeGreaterThan(1000)
  })
})
