import type { Size } from '../../../storyboard/storyboard.ts'
import { type Ffmpeg, startFfmpeg } from './ffmpeg.ts'

/** Maximum number of 16x16 blocks per frame in level 4.1 of H.264; larger pictures get the level that x264 computes. */
const maxLevel41Blocks = 8192

/** Encodes RGBA frames, written one by one, into an mp4 segment without sound that can be joined without encoding again. */
export function startEncoder(
  executable: string,
  { size, fps, file }: { readonly size: Size; readonly fps: number; readonly file: string },
  signal: AbortSignal,
): Ffmpeg {
  const { width, height } = size
  const blocks = Math.ceil(width / 16) * Math.ceil(height / 16)

  const input = ['-f', 'rawvideo', '-pix_fmt', 'rgba', '-video_size', `${width}x${height}`]
  // Without the matrix swscale converts by BT.601, which changes every colour.
  const filter = 'scale=out_color_matrix=bt709:out_range=tv:flags=fast_bilinear,format=yuv420p'
  const codec = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '22', '-profile:v', 'high']
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
      ...input,
      ...['-framerate', String(fps), '-i', 'pipe:0', '-an', '-vf', filter],
      ...codec,
      ...level,
      ...threads,
      ...groups,
      ...colour,
      ...container,
    ],
    signal,
  )
}
