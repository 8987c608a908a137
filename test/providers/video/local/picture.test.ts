import { readFileSync } from 'node:fs'
import path from 'node:path'
import { createCanvas } from '@napi-rs/canvas'
import { expect, it } from 'vitest'
import { bundledFfmpeg, startFfmpeg } from '../../../../src/providers/video/local/ffmpeg.ts'
import { createPainter, type ScenePainter } from '../../../../src/providers/video/local/painter.ts'
import { recipeOf } from '../../../../src/providers/video/local/recipe.ts'
import { createSheet } from '../../../../src/providers/video/local/sheet.ts'
import { parseStoryboard } from '../../../../src/storyboard/parse-storyboard.ts'
import type { Size, Storyboard } from '../../../../src/storyboard/storyboard.ts'
import {
  localProvider,
  pollUntil,
  segmentsOf,
  signal,
  submitScene,
  temporaryFolder,
} from './render-harness.ts'

/** The second scene of three, with everything that a scene can show. */
function storyboardIn(size: Size): Storyboard {
  const scene = { seconds: 1, kicker: 'THE TWIST', text: 'One heart stops whenever it swims 🌊' }
  const parsed = parseStoryboard({ size, handle: '@tidepool.daily', scenes: [scene, scene, scene] })
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.issues))
  return parsed.storyboard
}

const small = { width: 360, height: 640 }
const smallPainter = () => createPainter(recipeOf(storyboardIn(small), 1))

/** The picture of a frame, painted in full size at once: what a clip should show. RGBA bytes. */
function paintWhole(painter: ScenePainter, size: Size, frame: number): Buffer {
  const canvas = createCanvas(size.width, size.height)
  const pen = canvas.getContext('2d')
  painter.paintBackdrop(pen, size, frame)
  pen.drawImage(painter.still, 0, 0)
  for (const sprite of painter.sprites) sprite.paint(pen, frame)
  return canvas.data()
}

/** Compares the frames of a clip with painted ones. Similarity is at most 1; noise in decibels of each plane, more is better. */
async function compare(clip: string, size: Size, frames: Iterable<Buffer>, folder: string) {
  const [similarities, noises] = [path.join(folder, 'ssim'), path.join(folder, 'psnr')]
  const painted = ['-f', 'rawvideo', '-pix_fmt', 'rgba', '-video_size', `${size.width}x${size.height}`]
  const graph = [
    '[0:v]scale=out_color_matrix=bt709:out_range=tv:flags=bilinear,format=yuv420p,split[a][b]',
    `[1:v]split[c][d];[a][c]ssim=stats_file=${similarities};[b][d]psnr=stats_file=${noises}`,
  ].join(';')
  const args = [
    ...painted,
    '-framerate',
    '30',
    '-i',
    'pipe:0',
    '-i',
    clip,
    '-filter_complex',
    graph,
    '-f',
    'null',
    '-',
  ]
  const ffmpeg = startFfmpeg(bundledFfmpeg(), args, signal)
  for (const frame of frames) await ffmpeg.write(frame)
  await ffmpeg.finish()
  const read = (file: string, name: string) =>
    [...readFileSync(file, 'utf8').matchAll(new RegExp(`\\b${name}:([\\d.]+)`, 'g'))].map(([, value]) =>
      Number(value),
    )
  return {
    count: read(similarities, 'All').length,
    luma: Math.min(...read(similarities, 'Y')),
    colour: Math.min(...read(noises, 'psnr_u'), ...read(noises, 'psnr_v')),
    brightness: Math.min(...read(noises, 'psnr_y')),
  }
}

it.each([small, { width: 640, height: 360 }])(
  'every frame of a clip of $width × $height shows what was painted, in its colours',
  { timeout: 300_000 },
  async (size) => {
    const storyboard = storyboardIn(size)
    const directory = await temporaryFolder()
    const provider = localProvider({ directory })
    await pollUntil(provider, await submitScene(provider, storyboard, 1), 'done')
    const clip = segmentsOf(directory, storyboard)[1] ?? ''

    const painter = createPainter(recipeOf(storyboard, 1))
    const frames = Array.from({ length: 30 })
      .values()
      .map((_, frame) => paintWhole(painter, size, frame))
    const compared = await compare(clip, size, frames, directory)
    expect(compared.count).toBe(30)
    expect(compared.luma).toBeGreaterThan(0.93)
    expect(compared.brightness).toBeGreaterThan(37)
    expect(compared.colour).toBeGreaterThan(42)
  },
)

// A wide word grows beyond its own margin when it is highlighted, and an emoji turns.
it.each(['Unbelievable', '🐙'])('sprites paint only within their bounds: %s', (text) => {
  const { sprites } = createPainter({ ...recipeOf(storyboardIn(small), 1), text })
  for (const { bounds, paint } of sprites) {
    const canvas = createCanvas(small.width, small.height)
    const pen = canvas.getContext('2d')
    for (let frame = 0; frame < 30; frame++) paint(pen, frame)
    expect(canvas.data().some((byte) => byte > 0)).toBe(true)
    const [x, y] = [Math.floor(bounds.x), Math.floor(bounds.y)]
    pen.clearRect(x, y, Math.ceil(bounds.x + bounds.width) - x, Math.ceil(bounds.y + bounds.height) - y)
    expect(canvas.data().every((byte) => byte === 0)).toBe(true)
  }
})

it('the backdrop leaves no pixel transparent', () => {
  const canvas = createCanvas(small.width, small.height)
  smallPainter().paintBackdrop(canvas.getContext('2d'), small, 30)
  expect(canvas.data().every((byte, at) => at % 4 !== 3 || byte === 255)).toBe(true)
})

it('a sheet depends on the number of its frame only, not on the frames before', () => {
  const straight = createSheet(smallPainter(), small)
  for (let frame = 0; frame < 20; frame++) straight.paint(frame)
  const jumped = createSheet(smallPainter(), small)
  jumped.paint(29)
  const inOrder = Buffer.from(straight.paint(20))
  expect(inOrder.equals(jumped.paint(20))).toBe(true)
  expect(inOrder.equals(jumped.paint(21))).toBe(false)
})
