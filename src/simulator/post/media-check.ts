import { open } from 'node:fs/promises'
import { loadImage } from '@napi-rs/canvas'
import { FilePathSource, Input, MP4, QTFF, WEBM } from 'mediabunny'
import type { Account } from '../record.ts'

const codecs: ReadonlySet<string> = new Set(['avc', 'hevc', 'vp8', 'vp9'])

/** The fail reason of a video that breaks a rule, read without decoding it. Source: media transfer guide. */
export async function videoFault(path: string, account: Account | undefined): Promise<string | undefined> {
  try {
    using input = new Input({ source: new FilePathSource(path), formats: [MP4, QTFF, WEBM] })
    const video = await input.getPrimaryVideoTrack()
    if (!video || !codecs.has(video.codec ?? '')) return 'file_format_check_failed'
    if (outside(video.displayWidth, 360, 4096) || outside(video.displayHeight, 360, 4096)) {
      return 'picture_size_check_failed'
    }
    const { averagePacketRate } = await video.computePacketStats()
    // Timestamps are rounded in the file, so that an honest 60 may read as 60.003.
    if (outside(averagePacketRate, 22.99, 60.01)) return 'frame_rate_check_failed'
    const seconds = await input.computeDuration()
    return account && seconds > account.maxDurationSeconds ? 'duration_check_failed' : undefined
  } catch {
    return 'file_format_check_failed'
  }
}

/** The fail reason of a photo: JPEG or WebP, the shorter side at most 1080, as refusals have taught. */
export async function photoFault(path: string): Promise<string | undefined> {
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

function outside(value: number, least: number, most: number): boolean {
  return value < least || value > most
}
