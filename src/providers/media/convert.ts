import type { Remedy } from '../../../machines/media.ts'
import { foreignInput, runForeignFfmpeg } from './foreign-ffmpeg.ts'

export interface ConversionSource {
  readonly file: string
  readonly container: string
  readonly remedies: readonly Remedy[]
  /** The mean frame rate; null if it is not known. */
  readonly frameRate: number | null
  readonly audioCodec: string | null
}

/** What a conversion may take: ten minutes of 4K take half an hour of two cores. */
const limits = { timeoutMs: 3_600_000, cpuSeconds: 14_400, maxOutputBytes: 4_000_000_000 }
const maxSidePixels = 4096

/** The remedies that need the picture encoded again. All others keep its bytes. */
const ofPicture: ReadonlySet<Remedy> = new Set(['videoCodec', 'rotation', 'size', 'frameRate'])

/**
 * Converts a foreign file into an MP4 that TikTok takes, with its index in front. The picture is encoded again only where a remedy needs it.
 *
 * Throws ForeignFileFailed, a HostFault, or the signal's reason.
 */
export async function convertMedia(
  executable: string,
  source: ConversionSource,
  output: string,
  signal: AbortSignal,
): Promise<void> {
  const { file, container, remedies, audioCodec } = source
  const silence = ['-f', 'lavfi', '-i', 'anullsrc=r=48000:cl=stereo', '-shortest']
  const args = [
    ...foreignInput(file, container),
    ...(audioCodec === null ? silence : []),
    ...['-map', '0:v:0', '-map', audioCodec === null ? '1:a:0' : '0:a:0'],
    ...(remedies.some((remedy) => ofPicture.has(remedy)) ? pictureArguments(source) : ['-c:v', 'copy']),
    ...(audioCodec === 'aac'
      ? ['-c:a', 'copy']
      : ['-c:a', 'aac', '-b:a', '160k', '-ar', '48000', '-ac', '2']),
    ...['-map_metadata', '-1', '-sn', '-dn', '-movflags', '+faststart', '-f', 'mp4', output],
  ]
  await runForeignFfmpeg(executable, args, limits, signal)
}

/** ffmpeg applies a rotation before these filters. */
function pictureArguments({ remedies, frameRate }: ConversionSource): string[] {
  const scale = `min(1\\,${maxSidePixels}/max(iw\\,ih))`
  const even = (side: string) => `2*trunc(${side}*${scale}/2)`
  // A multiple of what cameras record. TikTok refuses rates that vary, and those a little above 60.
  const rate = (frameRate ?? 30) > 45 ? 60 : 30
  const filters = [
    ...(remedies.includes('frameRate') ? [`fps=${rate}`] : []),
    `scale=w=${even('iw')}:h=${even('ih')}`,
    'setsar=1',
  ]
  const encoder = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', '-pix_fmt', 'yuv420p']
  return ['-vf', filters.join(','), ...encoder, '-threads', '2']
}
