import { open } from 'node:fs/promises'
import { loadImage } from '@napi-rs/canvas'
import { FilePathSource, Input, MP4, QTFF, WEBM } from 'mediabunny'
import type { Account } from '../record.ts'

const codecs: ReadonlySet<string> = new Set(['avc', 'hevc', 'vp8', 'vp9'])

export interface VideoCheck {
  /** Absent for a video that breaks no rule. */
  readonly failReason?: string
  /** Absent for a file that breaks an earlier rule. */
  readonly seconds?: number
}

/** Checks a video against the rules, without decoding it. Source: media transfer guide. */
export async function checkVideo(path: string, account: Account | undefined): Promise<VideoCheck> {
  try {
    using input = new Input({ source: new FilePathSource(path), formats: [MP4, QTFF, WEBM] })
    const video = await input.getPrimaryVideoTrack()
    if (!video || !codecs.has(video.codec ?? '')) return { failReason: 'file_format_check_failed' }
    if (isOutside(video.displayWidth, 360, 4096) || isOutside(video.displayHeight, 360, 4096)) {
      return { failReason: 'picture_size_check_failed' }
    }
    const { averagePacketRate } = await video.computePacketStats()
    // Files store rounded timestamps: 60 frames a second can read as 60.003.
    if (isOutside(averagePacketRate, 22.99, 60.01)) return { failReason: 'frame_rate_check_failed' }
    const seconds = await input.computeDuration()
    const isTooLong = account !== undefined && seconds > account.maxDurationSeconds
    return { seconds, ...(isTooLong && { failReason: 'duration_check_failed' }) }
  } catch {
    return { failReason: 'file_format_check_failed' }
  }
}

/** The fail reason of a photo that is not JPEG or WebP, or whose shorter side exceeds 1080 px (observed, not documented). */
export async function checkPhoto(path: string): Promise<string | undefined> {
  if (!(await isJpegOrWebp(path))) return 'file_format_check_failed'
  const image = await loadImage(path).catch(() => undefined)
  if (!image) return 'file_format_check_failed'
  return Math.min(image.width, image.height) > 1080 ? 'picture_size_check_failed' : undefined
}

async function isJpegOrWebp(path: string): Promise<boolean> {
  await using file = await open(path)
  const { buffer } = await file.read(Buffer.alloc(12), 0, 12, 0)
  return (
    buffer.subarray(0, 3).toString('hex') === 'ffd8ff' ||
    (buffer.toString('latin1', 0, 4) === 'RIFF' && buffer.toString('latin1', 8, 12) === 'WEBP')
  )
}

function isOutside(value: number, min: number, max: number): boolean {
  return value < min || value > max
}
