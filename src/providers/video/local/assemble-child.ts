import { open, rm, writeFile } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import path from 'node:path'
import type { Storyboard } from '../../../storyboard/storyboard.ts'
import { timelineOf } from '../../../storyboard/timeline.ts'
import { moveDurably, temporaryName } from '../../storage/durable-file.ts'
import { audioOf, sampleRate } from './audio.ts'
import { serveOneTask } from './child-task.ts'
import { startFfmpeg } from './ffmpeg.ts'
import { probeVideo, type VideoProbe } from './probe.ts'

export interface AssembleTask {
  readonly storyboard: Storyboard
  readonly segments: readonly string[]
  readonly output: string
  readonly ffmpegPath: string
}

setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

export type AssembleAnswer =
  | { readonly kind: 'done'; readonly bytes: number }
  | { readonly kind: 'mismatch'; readonly message: string }

serveOneTask(async (task, abandoned): Promise<AssembleAnswer> => {
  const { storyboard, segments, output, ffmpegPath } = task as AssembleTask // sent by the parent process, of the same version
  const part = `${output}.${temporaryName()}`
  const list = `${output}.${temporaryName()}`

  try {
    await writeFile(list, segments.map((segment) => `file '${escapeQuotes(segment)}'\n`).join(''))
    const ffmpeg = startFfmpeg(ffmpegPath, joinArguments(list, part, storyboard.title), abandoned)
    for (const second of audioOf(timelineOf(storyboard), storyboard.fps)) await ffmpeg.write(second)
    await ffmpeg.finish()
    const handle = await open(part)
    await handle.sync()
    await handle.close()

    const probe = await probeVideo(part)
    const message = mismatchOf(probe, storyboard)
    if (message !== undefined) return { kind: 'mismatch', message }
    await moveDurably(part, output, path.dirname(output))
    return { kind: 'done', bytes: probe.bytes }
  } finally {
    await rm(part, { force: true })
    await rm(list, { force: true })
  }
})

/** Compares the video with its storyboard: an incomplete or wrong segment would otherwise be published. */
function mismatchOf(probe: VideoProbe, storyboard: Storyboard): string | undefined {
  const { frames } = timelineOf(storyboard)
  const { width, height } = storyboard.size
  if (probe.frames === frames && probe.width === width && probe.height === height) return undefined
  const actual = `${probe.frames} frames of ${probe.width}x${probe.height}`
  return `the segments make ${actual}; the storyboard has ${frames} of ${width}x${height}`
}

/** In ffmpeg's concat list the quote is the only special character inside single quotes. */
const escapeQuotes = (file: string) => path.resolve(file).replaceAll("'", "'\\''")

function joinArguments(list: string, output: string, title?: string): string[] {
  const picture = ['-f', 'concat', '-safe', '0', '-i', list]
  const sound = ['-f', 's16le', '-ar', String(sampleRate), '-ac', '2', '-i', 'pipe:0']
  const codecs = ['-map', '0:v:0', '-map', '1:a:0', '-c:v', 'copy', '-c:a', 'aac', '-b:a', '160k']
  // With the index in front TikTok can start reading before the upload is complete.
  const container = ['-video_track_timescale', '15360', '-map_metadata', '-1', '-movflags', '+faststart']
  const metadata = title === undefined ? [] : ['-metadata', `title=${title}`]
  return [...picture, ...sound, ...codecs, ...container, ...metadata, '-f', 'mp4', output]
}
