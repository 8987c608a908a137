import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { onTestFinished, vi } from 'vitest'
import { HostFault } from '../../../../src/providers/host-fault.ts'
import { bundledFfmpeg } from '../../../../src/providers/video/local/ffmpeg.ts'
import {
  createLocalProvider,
  type LocalProvider,
  type LocalProviderOptions,
} from '../../../../src/providers/video/local/local-provider.ts'
import { clipKeyOf, recipeOf } from '../../../../src/providers/video/local/recipe.ts'
import type { JobRef, JobState } from '../../../../src/providers/video/provider.ts'
import { parseStoryboard } from '../../../../src/storyboard/parse-storyboard.ts'
import type { Storyboard } from '../../../../src/storyboard/storyboard.ts'

// Renderers that tests start need a third less processor time until they paint.
enableCompileCache(process.env.NODE_COMPILE_CACHE)

export const { signal } = new AbortController()

/** A storyboard with a small picture, which renders fast. */
export function smallStoryboard(
  scenes: readonly { readonly seconds: number; readonly text: string }[],
): Storyboard {
  const parsed = parseStoryboard({ size: { width: 360, height: 640 }, handle: '@tidepool', scenes })
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.issues))
  return parsed.storyboard
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'reelpilot-video-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export function localProvider(options: LocalProviderOptions): LocalProvider {
  const provider = createLocalProvider(options)
  onTestFinished(() => provider.close())
  return provider
}

export async function submitScene(
  provider: LocalProvider,
  storyboard: Storyboard,
  sceneIndex = 0,
): Promise<JobRef> {
  const plan = provider.plan({ key: `video:${sceneIndex}`, storyboard, sceneIndex })
  if (plan.kind === 'refused') throw new Error(plan.message)
  return await provider.submit(plan, { signal })
}

/** Polls until the job has the expected state. */
export async function pollUntil<K extends JobState['kind']>(
  provider: LocalProvider,
  ref: JobRef,
  kind: K,
  isEnough: (state: Extract<JobState, { kind: K }>) => boolean = () => true,
): Promise<Extract<JobState, { kind: K }>> {
  return await vi.waitUntil(
    async () => {
      const state = await provider.poll(ref, { signal })
      return isKind(state, kind) && isEnough(state) ? state : undefined
    },
    { timeout: 170_000, interval: 50 },
  )
}

function isKind<K extends JobState['kind']>(
  state: JobState,
  kind: K,
): state is Extract<JobState, { kind: K }> {
  return state.kind === kind
}

export async function renderAll(provider: LocalProvider, storyboard: Storyboard): Promise<JobRef[]> {
  const refs: JobRef[] = []
  for (const index of storyboard.scenes.keys()) refs.push(await submitScene(provider, storyboard, index))
  for (const ref of refs) await pollThroughFaults(provider, ref)
  return refs
}

/** Polls again after a fault of the machine, as a job does: a killed renderer is no fault of the scene. */
async function pollThroughFaults(provider: LocalProvider, ref: JobRef): Promise<void> {
  for (;;) {
    try {
      await pollUntil(provider, ref, 'done')
      return
    } catch (error) {
      if (!(error instanceof HostFault)) throw error
      await later(50)
    }
  }
}

/** Waits until a file is gone: a clip is done a moment before its renderer releases the lock. */
export async function waitUntilGone(file: string): Promise<void> {
  await vi.waitUntil(() => !existsSync(file), { timeout: 30_000, interval: 50 })
}

export const clipFolder = (directory: string, storyboard: Storyboard, sceneIndex = 0) =>
  path.join(directory, clipKeyOf(recipeOf(storyboard, sceneIndex)))

export const segmentsOf = (directory: string, storyboard: Storyboard) =>
  storyboard.scenes.map((_, index) => path.join(clipFolder(directory, storyboard, index), 'segment.mp4'))

/** Incomplete files in a folder and its subfolders. */
export const partsIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.part'))

/** Ids of the processes whose command line contains a text. Linux only. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && commandLine(name).includes(text))
    .map(Number)
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // the process has ended
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Creates a replacement for ffmpeg that records each start in a file. */
export async function countingFfmpeg(folder: string, then = `exec "${bundledFfmpeg()}" "$@"`) {
  const ffmpegPath = path.join(folder, 'counting-ffmpeg')
  const log = path.join(folder, 'starts.log')
  await writeFile(ffmpegPath, `#!/bin/sh\necho started >> "${log}"\n${then}\n`)
  await chmod(ffmpegPath, 0o755)
  const starts = async () => (await readFile(log, 'utf8').catch(() => '')).split('\n').length - 1
  return { ffmpegPath, starts }
}
