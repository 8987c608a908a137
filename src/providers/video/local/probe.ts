import { stat } from 'node:fs/promises'
import {
  EncodedPacketSink,
  FilePathSource,
  Input,
  type InputTrack,
  Logging,
  LogLevel,
  MATROSKA,
  MP4,
  MPEG_TS,
  QTFF,
  WEBM,
} from 'mediabunny'

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

/** What a media file is, in the short words of TikTok's rules. */
export type MediaProbe =
  | {
      readonly kind: 'probed'
      /** `mp4`, `mov` or `webm`; else the format's own name, such as `matroska`. */
      readonly container: string
      /** `h264`, `h265`, `vp8`, `vp9`, `av1`, `prores`; else the file's own name for it, such as `mp4v`. */
      readonly videoCodec: string
      /** `aac`, `opus`, `mp3`, …; null without sound. */
      readonly audioCodec: string | null
      /** As shown: rotated, and with square pixels. */
      readonly width: number
      readonly height: number
      /**
       * Frames over the time from the start of the first to the end of the last, by their packets: of a variable rate the
       * mean. WebM keeps milliseconds, which makes 60 a second 60.02 over one second, and less the longer it is.
       */
      readonly framesPerSecond: number
      /** Length of the longest track. */
      readonly seconds: number
      readonly bytes: number
    }
  | { readonly kind: 'unreadable'; readonly why: string }

/** The file holds no video that can be read. */
export class NotAVideo extends Error {
  override readonly name = 'NotAVideo'
}

// What a file holds is told by the answer; on the console it would be a stranger's words in our log.
Logging.level = LogLevel.Errors

/**
 * Reads a video's properties without decoding it; takes about 10 ms.
 *
 * A file with its index in front is described in full even when its end is missing: compare `bytes` with what was
 * expected. Throws NotAVideo.
 */
export async function probeVideo(path: string): Promise<VideoProbe> {
  return await read(path, async (input) => {
    const { video, audio, frames, framesPerSecond } = await tracksOf(input)
    return {
      container: (await input.getMimeType()).split(';')[0] ?? '',
      width: await video.getDisplayWidth(),
      height: await video.getDisplayHeight(),
      videoCodec: (await video.getCodec()) ?? 'unknown',
      audioCodec: audio === null ? undefined : ((await audio.getCodec()) ?? 'unknown'),
      seconds: await input.computeDuration(),
      frameRate: framesPerSecond,
      frames,
      bytes: await input.source.getSize(),
    }
  })
}

/**
 * Reads what TikTok's rules ask about, without decoding; takes about 15 µs a frame. What is no video, or does not reach
 * its last frame, is `unreadable`; `why` is half a sentence for a person.
 *
 * Throws the system's error when the file cannot be opened or read: that says nothing about the video.
 */
export async function probeMedia(path: string): Promise<MediaProbe> {
  const { size } = await stat(path)
  if (size === 0) return { kind: 'unreadable', why: 'the file is empty' }
  try {
    return await read(path, async (input) => {
      const { video, audio, framesPerSecond } = await tracksOf(input)
      const seconds = await input.computeDuration()
      if (await endIsMissing(input, audio ? [video, audio] : [video], seconds)) {
        throw new NotAVideo('the file ends before its last frame')
      }
      const format = (await input.getFormat()).name
      return {
        kind: 'probed',
        container: containers[format] ?? format.toLowerCase(),
        videoCodec: await codecOf(video),
        audioCodec: audio && (await codecOf(audio)),
        width: await video.getDisplayWidth(),
        height: await video.getDisplayHeight(),
        framesPerSecond,
        seconds,
        bytes: size,
      }
    })
  } catch (error) {
    if (!(error instanceof NotAVideo)) throw error
    if (isSystemError(error.cause)) throw error.cause
    return { kind: 'unreadable', why: error.message }
  }
}

/** No playlists: a file that is read must not have others fetched. */
const formats = [MP4, QTFF, WEBM, MATROSKA, MPEG_TS]

const containers: Readonly<Record<string, string>> = {
  MP4: 'mp4',
  'QuickTime File Format': 'mov',
  WebM: 'webm',
}

const shortNames: Readonly<Record<string, string>> = { avc: 'h264', hevc: 'h265' }

async function read<Probe>(path: string, probe: (input: Input) => Promise<Probe>): Promise<Probe> {
  using input = new Input({ source: new FilePathSource(path), formats })
  try {
    return await probe(input)
  } catch (cause) {
    if (cause instanceof NotAVideo) throw cause
    throw new NotAVideo('the file cannot be read as a video', { cause })
  }
}

async function tracksOf(input: Input) {
  const video = await input.getPrimaryVideoTrack()
  if (video === null) throw new NotAVideo('the file has no video track')
  const audio = await input.getPrimaryAudioTrack()
  const { packetCount, averagePacketRate } = await video.computePacketStats()
  return { video, audio, frames: packetCount, framesPerSecond: Math.round(averagePacketRate * 1000) / 1000 }
}

/**
 * Whether the file was cut short. An MP4 with its index in front still describes frames that it does not have any more; a
 * WebM only still says how long it was. Writers round that, so a second is forgiven.
 */
async function endIsMissing(input: Input, tracks: InputTrack[], seconds: number): Promise<boolean> {
  const promised = await input.getDurationFromMetadata(tracks)
  if (promised !== null && promised - seconds > 1) return true
  const last = await Promise.all(tracks.map((track) => new EncodedPacketSink(track).getPacket(Infinity)))
  return last.includes(null)
}

async function codecOf(track: InputTrack): Promise<string> {
  const codec = (await track.getCodec()) ?? (await track.getInternalCodecId())
  return typeof codec === 'string' ? (shortNames[codec] ?? codec) : 'unknown'
}

const isSystemError = (cause: unknown): cause is NodeJS.ErrnoException =>
  cause instanceof Error && 'syscall' in cause
