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
