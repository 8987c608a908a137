import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Storyboard } from '../../../storyboard/storyboard.ts'
import { timelineOf } from '../../../storyboard/timeline.ts'
import type { AssembleAnswer, AssembleTask } from './assemble-child.ts'
import { runInChild } from './child-task.ts'
import { bundledFfmpeg } from './ffmpeg.ts'

const assembleChild = new URL('./assemble-child.ts', import.meta.url)

export interface AssembleOptions {
  readonly storyboard: Storyboard
  /** Paths of the scenes' segments in order. */
  readonly segments: readonly string[]
  readonly directory: string
  /** Name of the video's directory below `directory`: letters, digits, `.`, `_` and `-`. */
  readonly key: string
  readonly signal: AbortSignal
  readonly ffmpegPath?: string
}

export interface AssembledVideo {
  readonly path: string
  readonly bytes: number
  readonly seconds: number
  readonly width: number
  readonly height: number
}

/** The segments do not make the storyboard's video: one is broken, missing or of another storyboard. */
export class AssemblyFailed extends Error {
  override readonly name = 'AssemblyFailed'
}

/**
 * Joins segments without encoding them again, adds the music and writes `<directory>/<key>/video.mp4`.
 *
 * Can be repeated and interrupted: the same input gives the same bytes, and the file is written completely or not at all. A
 * child process does the work. Throws AssemblyFailed, a HostFault or the signal's reason.
 */
export async function assembleVideo(options: AssembleOptions): Promise<AssembledVideo> {
  const { storyboard, segments, directory, key, signal } = options
  if (!/^[\w-][\w.-]{0,199}$/.test(key))
    throw new TypeError('a key may contain only letters, digits, ".", "_" and "-"')
  const output = path.resolve(directory, key, 'video.mp4')
  await mkdir(path.dirname(output), { recursive: true })

  const ffmpegPath = options.ffmpegPath ?? bundledFfmpeg()
  const task: AssembleTask = { storyboard, segments, output, ffmpegPath }
  const outcome = await runInChild(assembleChild, task, { memoryLimitMb: 256, signal })
  signal.throwIfAborted()
  if (outcome.kind === 'fault') throw outcome.fault
  if (outcome.kind === 'crashed') throw new AssemblyFailed(outcome.message)
  const answer = outcome.answer as AssembleAnswer // sent by the child process, of the same version
  if (answer.kind === 'mismatch') throw new AssemblyFailed(answer.message)

  const seconds = timelineOf(storyboard).frames / storyboard.fps
  return { path: output, bytes: answer.bytes, seconds, ...storyboard.size }
}
