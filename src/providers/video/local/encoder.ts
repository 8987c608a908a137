import type { Size } from '../../../storyboard/storyboard.ts'
import { type Ffmpeg, startFfmpeg } from './ffmpeg.ts'
import type { Rectangle } from './moving-sprite.ts'
import type { SheetLayout } from './sheet.ts'

/** Maximum number of 16x16 blocks per frame in level 4.1 of H.264; larger pictures get the level that x264 computes. */
const maxLevel41Blocks = 8192

export interface EncoderOptions {
  readonly size: Size
  readonly fps: number
  readonly file: string
  readonly sheet: SheetLayout
  /** What lies between backdrop and sprites in every frame, as RGBA bytes in the size of the video. */
  readonly still: Uint8Array
}

/**
 * Encodes the sheets of frames, written one by one as RGBA bytes, into an mp4 segment without sound that can be joined without
 * encoding again.
 */
export function startEncoder(
  executable: string,
  { size, fps, file, sheet, still }: EncoderOptions,
  signal: AbortSignal,
): Ffmpeg {
  const { width, height } = size
  const blocks = Math.ceil(width / 16) * Math.ceil(height / 16)

  const codec = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '21.5', '-profile:v', 'high']
  // Nothing moves but the text, so a wide search for motion only finds other grain: without it, encoding takes half the time
  // and a fifth fewer bytes for the same quality. A scene has no cuts.
  const search = ['-x264-params', 'me=dia:subme=1:scenecut=0:b-adapt=0']
  const level = blocks <= maxLevel41Blocks ? ['-level', '4.1'] : []
  // The output depends on the number of threads, so it must not depend on the number of cores.
  const threads = ['-threads', '4']
  // Closed groups of 2 s: segments can be joined, and players can seek.
  const groups = ['-g', String(fps * 2), '-flags', '+cgop', '-bf', '2']
  const colour = [
    '-colorspace',
    'bt709',
    '-color_primaries',
    'bt709',
    '-color_trc',
    'bt709',
    '-color_range',
    'tv',
  ]
  const container = ['-video_track_timescale', '15360', '-map_metadata', '-1', '-f', 'mp4', file]

  return startFfmpeg(
    executable,
    [
      ...rawInput(sheet.size, fps, 'pipe:0'),
      ...rawInput(size, fps, 'pipe:3'),
      ...['-filter_complex', filterOf(size, sheet), '-map', '[out]', '-an'],
      ...codec,
      ...search,
      ...level,
      ...threads,
      ...groups,
      ...colour,
      ...container,
    ],
    signal,
    still,
  )
}

const rawInput = ({ width, height }: Size, fps: number, pipe: string) => [
  ...['-f', 'rawvideo', '-pix_fmt', 'rgba', '-video_size', `${width}x${height}`],
  // Each waiting frame takes memory, and one is enough.
  ...['-framerate', String(fps), '-thread_queue_size', '1', '-i', pipe],
]

/** Scales the backdrop of a sheet to the size of the video and lays the still picture and the sprites over it. */
function filterOf({ width, height }: Size, { backdrop, sprites }: SheetLayout): string {
  // Without the matrix swscale converts by BT.601, which changes every colour.
  const colour = 'out_color_matrix=bt709:out_range=tv:flags=bilinear'
  const cut = ({ x, y, width, height }: Rectangle) => `crop=${width}:${height}:${x}:${y}`
  const names = sprites.map((_, index) => `sprite${index}`)

  const chains = [
    `[0:v]split=${1 + sprites.length}[light]${names.map((name) => `[${name}]`).join('')}`,
    `[light]${cut(backdrop)},scale=${width}:${height}:${colour},format=yuv420p[backdrop]`,
    `[1:v]scale=${colour},format=yuva420p[still]`,
    // The still picture has one frame, which overlay repeats.
    '[backdrop][still]overlay=format=yuv420[picture0]',
  ]
  sprites.forEach(({ onSheet, inPicture: { x, y } }, index) => {
    const output = index + 1 === sprites.length ? 'out' : `picture${index + 1}`
    chains.push(
      `[sprite${index}]${cut(onSheet)},scale=${colour},format=yuva420p[part${index}]`,
      `[picture${index}][part${index}]overlay=${x}:${y}:format=yuv420[${output}]`,
    )
  })
  return chains.join(';')
}
