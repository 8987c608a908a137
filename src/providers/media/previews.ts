import path from 'node:path'
import { HostFault } from '../host-fault.ts'
import { startFfmpeg } from '../video/local/ffmpeg.ts'
import { foreignInput, runForeignFfmpeg } from './foreign-ffmpeg.ts'

/** ffmpeg took no pictures of a video. The cause is for the log: it may name paths. */
export class PreviewsFailed extends Error {
  override readonly name = 'PreviewsFailed'
}

/** A still picture that was taken from a video. */
export interface TakenPreview {
  readonly kind: 'poster' | 'thumbnail'
  readonly atSeconds: number
  readonly file: string
  readonly width: number
  readonly height: number
}

export interface PreviewSource {
  readonly file: string
  readonly container: string
  readonly seconds: number
  /** As displayed. */
  readonly width: number
  readonly height: number
  /** The time of the poster. Default: the first second, or a tenth of a shorter video. */
  readonly posterSeconds?: number
}

/** The longer side of a picture, in pixels. */
const posterPixels = 1_280
const thumbnailPixels = 320
const limits = { timeoutMs: 120_000, cpuSeconds: 240, maxOutputBytes: 20_000_000 }

/**
 * Takes a poster and three thumbnails of a video, as JPEG files in a directory: at a quarter, the middle and three quarters. One run of
 * ffmpeg seeks to each. A `foreign` file is read within limits, by an ffmpeg that is new enough for it.
 *
 * Throws PreviewsFailed, a HostFault, or the signal's reason.
 */
export async function takePreviews(
  executable: string,
  source: PreviewSource,
  directory: string,
  signal: AbortSignal,
  { isForeign }: { readonly isForeign: boolean },
): Promise<readonly TakenPreview[]> {
  const poster = source.posterSeconds ?? Math.min(1, source.seconds / 10)
  const planned = [
    { kind: 'poster' as const, atSeconds: poster, side: posterPixels },
    ...[0.25, 0.5, 0.75].map((share) => ({
      kind: 'thumbnail' as const,
      atSeconds: share * source.seconds,
      side: thumbnailPixels,
    })),
  ].map(({ side, ...each }, index) => ({
    ...each,
    file: path.resolve(directory, `preview-${index}.jpg`),
    ...fitted(source, side),
  }))
  const inputs = planned.flatMap(({ atSeconds }) => {
    const seek = ['-ss', atSeconds.toFixed(3)]
    return isForeign ? foreignInput(source.file, source.container, seek) : [...seek, '-i', source.file]
  })
  const outputs = planned.flatMap(({ file, width, height }, index) => [
    ...['-map', `${index}:v:0`, '-frames:v', '1', '-vf', `scale=${width}:${height},setsar=1,format=yuvj420p`],
    ...['-map_metadata', '-1', '-q:v', '4', '-f', 'image2', '-update', '1', file],
  ])
  const args = [...inputs, ...outputs]
  try {
    if (isForeign) await runForeignFfmpeg(executable, args, limits, signal)
    else await startFfmpeg(executable, args, signal).finish()
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof HostFault) throw cause
    throw new PreviewsFailed('no pictures were taken', { cause })
  }
  return planned
}

/** The size with this longer side, or the video's own if it is smaller; even, as its encoder needs. */
function fitted({ width, height }: PreviewSource, side: number) {
  const scale = Math.min(1, side / Math.max(width, height))
  const even = (pixels: number) => Math.max(2, Math.round((pixels * scale) / 2) * 2)
  return { width: even(width), height: even(height) }
}
