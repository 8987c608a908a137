import path from 'node:path'
import { bundledFfmpeg, startFfmpeg } from '../../src/providers/video/local/ffmpeg.ts'

const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac']

export interface VideoFileOptions {
  readonly size?: string
  readonly rate?: string | number
  readonly seconds?: number
  readonly hasSound?: boolean
  readonly coding?: readonly string[]
  /** Plays this many times, without encoding again. */
  readonly times?: number
}

/** Runs the bundled ffmpeg. The last argument is its output. */
export async function ffmpeg(...args: readonly string[]): Promise<void> {
  await startFfmpeg(bundledFfmpeg(), args, new AbortController().signal).finish()
}

/** Makes a real video with a test picture and a tone, and returns its path. */
export async function makeVideoFile(
  directory: string,
  name: string,
  options: VideoFileOptions = {},
): Promise<string> {
  const { size = '360x640', rate = 30, seconds = 1, hasSound = true, coding = h264, times = 1 } = options
  const file = path.join(directory, name)
  const picture = ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${seconds}`]
  const sound = hasSound ? ['-f', 'lavfi', '-i', `sine=d=${seconds}`] : []
  if (times === 1) {
    await ffmpeg(...picture, ...sound, ...coding, '-movflags', '+faststart', file)
    return file
  }
  const once = path.join(directory, `once-${name}`)
  await ffmpeg(...picture, ...sound, ...coding, once)
  await ffmpeg('-stream_loop', String(times - 1), '-i', once, '-c', 'copy', '-movflags', '+faststart', file)
  return file
}
