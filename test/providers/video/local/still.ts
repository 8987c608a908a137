import path from 'node:path'
import { bundledFfmpeg, startFfmpeg } from '../../../../src/providers/video/local/ffmpeg.ts'

/** Writes one frame of a video as a picture. The extension is the format (`.png`, `.jpg`). */
export async function extractStill(
  video: string,
  atSeconds: number,
  picture: string,
  { ffmpegPath = bundledFfmpeg(), signal = new AbortController().signal } = {},
): Promise<void> {
  const args = ['-ss', atSeconds.toFixed(3), '-i', video, '-frames:v', '1', '-q:v', '2', picture]
  await startFfmpeg(ffmpegPath, args, signal).finish()
}

/** Writes some frames of a video, by their numbers from 0 in rising order, as pictures in a folder; answers the pictures by frame. */
export async function extractFrames(
  video: string,
  frames: readonly number[],
  folder: string,
): Promise<ReadonlyMap<number, string>> {
  const chosen = frames.map((frame) => `eq(n,${frame})`).join('+')
  const args = ['-i', video, '-vf', `select='${chosen}'`, '-vsync', '0', path.join(folder, 'frame-%d.png')]
  await startFfmpeg(bundledFfmpeg(), args, new AbortController().signal).finish()
  return new Map(frames.map((frame, index) => [frame, path.join(folder, `frame-${index + 1}.png`)]))
}
