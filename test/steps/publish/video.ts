import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFile, readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { bundledFfmpeg } from '../../../src/providers/video/local/ffmpeg.ts'

export interface VideoOptions {
  readonly seconds: number
  readonly framesPerSecond: number
  /** Larger than 64 MB, so that it is uploaded in several chunks. */
  readonly isLarge: boolean
  readonly container: keyof typeof codecs
}

/** The encoder of each container that TikTok takes. */
const codecs = {
  mp4: ['-preset', 'ultrafast'],
  mov: ['-preset', 'ultrafast'],
  webm: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '200k'],
}

export const defaultVideo: VideoOptions = {
  seconds: 1,
  framesPerSecond: 30,
  isLarge: false,
  container: 'mp4',
}

/** Up to 64,000,000 bytes are one chunk; larger files have chunks of 10,000,000 bytes. */
const paddingBytes = 64_000_000

/** Makes a small, real video. A large one, an MP4, ends in a box that players skip, with random bytes so that a misplaced byte is detected. */
export async function makeVideo(directory: string, video: VideoOptions): Promise<string> {
  const { seconds, framesPerSecond, isLarge, container } = video
  const file = path.join(directory, `${JSON.stringify(Object.values(video))}.${container}`)
  const source = `testsrc=s=360x640:r=${framesPerSecond}:d=${seconds}`
  const picture = ['-pix_fmt', 'yuv420p', ...codecs[container]]
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

/** The bytes of a video with something at its end that players skip, which makes them unlike those of any other. */
export async function uniqueBytes(file: string, container: VideoOptions['container']): Promise<Buffer> {
  // An element "Void" of Matroska, or a box "free".
  const header = container === 'webm' ? Buffer.from([0xec, 0x90]) : Buffer.from('\0\0\0\x18free', 'latin1')
  return Buffer.concat([await readFile(file), header, randomBytes(16)])
}
