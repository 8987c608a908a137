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

/** The properties of a video file. */
export interface VideoProbe {
  /** A media type: `video/mp4`. */
  readonly container: string
  readonly width: number
  readonly height: number
  readonly videoCodec: string
  readonly audioCodec: string | undefined
  /** Duration of the longest track. */
  readonly seconds: number
  readonly frameRate: number
  readonly frames: number
  readonly bytes: number
}

/** The properties of a media file, in the terms of TikTok's rules. */
export type MediaProbe =
  | {
      readonly kind: 'probed'
      /** `mp4`, `mov` or `webm`; otherwise the format's name, such as `matroska`. */
      readonly container: string
      /** `h264`, `h265`, `vp8`, `vp9`, `av1`, `prores`; otherwise the file's name for it, such as `mp4v`. */
      readonly videoCodec: string
      /** `aac`, `opus`, `mp3`, …; null without sound. */
      readonly audioCodec: string | null
      /** Display size: after rotation and with square pixels. */
      readonly width: number
      readonly height: number
      /**
       * Number of packets over the time from the start of the first to the end of the last: the mean of a variable rate. WebM
       * stores milliseconds, so that 60 frames a second read as 60.02 over one second, with less error in longer videos.
       */
      readonly framesPerSecond: number
      /** Duration of the longest track. */
      readonly seconds: number
      readonly bytes: number
    }
  | { readonly kind: 'unreadable'; readonly why: string }

/** The file contains no readable video. */
export class NotAVideo extends Error {
  override readonly name = 'NotAVideo'
}

// Warnings about a file would put its contents into the log; the result has the reason.
Logging.level = LogLevel.Errors

/**
 * Reads a video's properties without decoding it, in about 10 ms.
 *
 * A truncated file with its index in front reads like a complete one: compare `bytes` with the expected size. Throws
 * NotAVideo.
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
 * Reads the properties that TikTok's rules concern, without decoding, in about 15 µs a frame. A file that is no video or is
 * truncated is `unreadable`; `why` is a clause for a person.
 *
 * Throws the system's error when the file cannot be opened or read, which says nothing about the video.
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

/** Excludes playlists: reading a file must not fetch others. */
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
 * Whether the file is truncated. A truncated MP4 with its index in front describes missing frames; a truncated WebM has only
 * its declared duration. Writers round that, so a second of difference is allowed.
 */
async function endIsMissing(input: Input, tracks: InputTrack[], seconds: number): Promise<boolean> {
  const declaredSeconds = await input.getDurationFromMetadata(tracks)
  if (declaredSeconds !== null && declaredSeconds - seconds > 1) return true
  const last = await Promise.all(tracks.map((track) => new EncodedPacketSink(track).getPacket(Infinity)))
  return last.includes(null)
}

async function codecOf(track: InputTrack): Promise<string> {
  const codec = (await track.getCodec()) ?? (await track.getInternalCodecId())
  return typeof codec === 'string' ? (shortNames[codec] ?? codec) : 'unknown'
}

const isSystemError = (cause: unknown): cause is NodeJS.ErrnoException =>
  cause instanceof Error && 'syscall' in cause
