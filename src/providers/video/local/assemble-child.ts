import { open, rm, writeFile } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import path from 'node:path'
import type { Storyboard } from '../../../storyboard/storyboard.ts'
import { timelineOf } from '../../../storyboard/timeline.ts'
import { moveDurably, temporaryName } from '../../storage/durable-file.ts'
import { audioOf, sampleRate } from './audio.ts'
import { answerOneTask } from './child-task.ts'
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

answerOneTask(async (task, abandoned): Promise<AssembleAnswer> => {
  const { storyboard, segments, output, ffmpegPath } = task as AssembleTask // sent by our own parent
  const part = `${output}.${temporaryName()}`
  const list = `${output}.${temporaryName()}`

  try {
    await writeFile(list, segments.map((segment) => `file '${quoted(segment)}'\n`).join(''))
    const ffmpeg = startFfmpeg(ffmpegPath, joinArguments(list, part, storyboard.title), abandoned)
    for (const second of audioOf(timelineOf(storyboard), storyboard.fps)) await ffmpeg.write(second)
    await ffmpeg.finish()
    const handle = await open(part)
    await handle.sync()
    await handle.close()

    const found = await probeVideo(part)
    const message = mismatchOf(found, storyboard)
    if (message !== undefined) return { kind: 'mismatch', message }
    await moveDurably(part, output, path.dirname(output))
    return { kind: 'done', bytes: found.bytes }
  } finally {
    await rm(part, { force: true })
    await rm(list, { force: true })
  }
})

/** A segment that is cut short or of another storyboard would otherwise show as a video that is a little wrong. */
function mismatchOf(found: VideoProbe, storyboard: Storyboard): string | undefined {
  const { frames } = timelineOf(storyboard)
  const { width, height } = storyboard.size
  if (found.frames === frames && found.width === width && found.height === height) return undefined
  const made = `${found.frames} frames of ${found.width}x${found.height}`
  return `the segments make ${made}; the storyboard has ${frames} of ${width}x${height}`
}

/** Inside single quotes the list format of ffmpeg's concat knows one special character, the quote. */
const quoted = (file: string) => path.resolve(file).replaceAll("'", "'\\''")

function joinArguments(list: string, output: string, title?: string): string[] {
  const picture = ['-f', 'concat', '-safe', '0', '-i', list]
  const sound = ['-f', 's16le', '-ar', String(sampleRate), '-ac', '2', '-i', 'pipe:0']
  const codecs = ['-map', '0:v:0', '-map', '1:a:0', '-c:v', 'copy', '-c:a', 'aac', '-b:a', '160k']
  // The index goes to the front, so that TikTok can begin to read before it has everything.
  const container = ['-video_track_timescale', '15360', '-map_metadata', '-1', '-movflags', '+faststart']
  const metadata = title === undefined ? [] : ['-metadata', `title=${title}`]
  return [...picture, ...sound, ...codecs, ...container, ...metadata, '-f', 'mp4', output]
}
