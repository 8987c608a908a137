import { ALL_FORMATS, FilePathSource, Input } from 'mediabunny'

/** What a video file says of itself. */
export interface VideoProbe {
  /** A media type: `video/mp4`. */
  readonly container: string
  readonly width: number
  readonly height: number
  readonly videoCodec: string
  readonly audioCodec: string | undefined
  /** Length of the longest track. */
  readonly seconds: number
  readonly frameRate: number
  readonly frames: number
  readonly bytes: number
}

/** The file holds no video that can be read. */
export class NotAVideo extends Error {
  override readonly name = 'NotAVideo'
}

/**
 * Reads a video's properties without decoding it; takes about 10 ms.
 *
 * A file with its index in front is described in full even when its end is missing: compare `bytes` with what was
 * expected. Throws NotAVideo.
 */
export async function probeVideo(path: string): Promise<VideoProbe> {
  const source = new FilePathSource(path)
  using input = new Input({ source, formats: ALL_FORMATS })
  try {
    const video = await input.getPrimaryVideoTrack()
    if (video === null) throw new NotAVideo('the file has no video track')
    const audio = await input.getPrimaryAudioTrack()
    const packets = await video.computePacketStats()
    return {
      container: (await input.getMimeType()).split(';')[0] ?? '',
      width: video.displayWidth,
      height: video.displayHeight,
      videoCodec: video.codec ?? 'unknown',
      audioCodec: audio === null ? undefined : (audio.codec ?? 'unknown'),
      seconds: await input.computeDuration(),
      frameRate: Math.round(packets.averagePacketRate * 1000) / 1000,
      frames: packets.packetCount,
      bytes: await source.getSize(),
    }
  } catch (cause) {
    if (cause instanceof NotAVideo) throw cause
    throw new NotAVideo('the file cannot be read as a video', { cause })
  }
}
