import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { bundledFfmpeg } from '../../../src/providers/video/local/ffmpeg.ts'

export interface VideoOptions {
  readonly seconds: number
  readonly framesPerSecond: number
  /** Larger than 64 MB, so that it is uploaded in several chunks. */
  readonly isLarge: boolean
}

export const defaultVideo: VideoOptions = { seconds: 1, framesPerSecond: 30, isLarge: false }

/** Up to 64,000,000 bytes are one chunk; larger files have chunks of 10,000,000 bytes. */
const paddingBytes = 64_000_000

/** Makes a small, real MP4. A large one ends in a box that players skip, with random bytes so that a misplaced byte is detected. */
export async function makeVideo(directory: string, video: VideoOptions): Promise<string> {
  const { seconds, framesPerSecond, isLarge } = video
  const file = path.join(directory, `${JSON.stringify(Object.values(video))}.mp4`)
  const source = `testsrc=s=360x640:r=${framesPerSecond}:d=${seconds}`
  const picture = ['-pix_fmt', 'yuv420p', '-preset', 'ultrafast']
  const args = ['-v', 'error', '-y', '-f', 'lavfi', '-i', source, ...picture, file]
  await promisify(execFile)(bundledFfmpeg(), args)
  if (isLarge) {
    const header = Buffer.alloc(8)
    header.writeUInt32BE(header.length + paddingBytes)
    header.write('free', 4)
    await appendFile(file, Buffer.concat([header, randomBytes(paddingBytes)]))
  }
  return file
}
