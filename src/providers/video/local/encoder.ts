import type { Size } from '../../../storyboard/storyboard.ts'
import { type Ffmpeg, startFfmpeg } from './ffmpeg.ts'

/** Level 4.1 of H.264 allows this many 16x16 blocks a frame; larger pictures get the level that x264 computes. */
const level41Blocks = 8192

/** Encodes RGBA frames, written one by one, into an mp4 segment without sound that can be joined by stream copy. */
export function startEncoder(
  executable: string,
  { size, fps, file }: { readonly size: Size; readonly fps: number; readonly file: string },
  signal: AbortSignal,
): Ffmpeg {
  const { width, height } = size
  const blocks = Math.ceil(width / 16) * Math.ceil(height / 16)

  const input = ['-f', 'rawvideo', '-pix_fmt', 'rgba', '-video_size', `${width}x${height}`]
  // Without the matrix swscale converts by BT.601, and every colour shifts.
  const filter = 'scale=out_color_matrix=bt709:out_range=tv:flags=fast_bilinear,format=yuv420p'
  const codec = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '22', '-profile:v', 'high']
  const level = blocks <= level41Blocks ? ['-level', '4.1'] : []
  // The number of threads decides where x264 cuts its work, hence the bytes: it may not follow the number of cores.
  const threads = ['-threads', '4']
  // Closed groups of 2 s, so that segments can be joined and a player can seek.
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
