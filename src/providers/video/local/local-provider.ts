import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { ReadableStream } from 'node:stream/web'
import { hostFaultOf } from '../../host-fault.ts'
import {
  type Asset,
  type JobRef,
  type JobState,
  PollTransient,
  SubmitNotSent,
  SubmitRejected,
  type VideoProvider,
} from '../provider.ts'
import { type ClipResult, clipDirectory } from './clip-directory.ts'
import { bundledFfmpeg } from './ffmpeg.ts'
import { pruneClips } from './prune.ts'
import { clipKeyOf, parseRecipe, recipeOf } from './recipe.ts'
import { asJson, parseReference, referenceOf } from './reference.ts'
import { createRenderQueue } from './render-queue.ts'

const id = 'local'
const model = 'storyboard'
const pollAfterMs = 500
/** Clips at the back of the queue are polled less often, up to this factor: each poll is a checkpoint. */
const maxPollFactor = 10
const maxCrashes = 2
const pruneEveryMs = 60 * 60 * 1000
const defaultKeepMs = 60 * 60 * 1000

export interface LocalProviderOptions {
  /** Holds one directory per clip. All processes of the machine may share it. */
  readonly directory: string
  /** Concurrent renderers of this process. One uses about two cores. Default: 1. */
  readonly concurrency?: number
  /** JavaScript heap of one renderer, in addition to its pictures and ffmpeg: about 400 MB at 1080x1920. Default: 512. */
  readonly memoryLimitMb?: number
  /** Default: the ffmpeg from the npm packages. */
  readonly ffmpegPath?: string
  /** How long clips are kept for repeated requests. Default: an hour. */
  readonly keepMs?: number
}

export interface LocalProvider extends VideoProvider {
  cancel(ref: JobRef): Promise<void>
  /** Stops this process's renderers and waits for them. Finished clips are kept. */
  close(): Promise<void>
}

/**
 * Renders scenes on this machine, each in a child process.
 *
 * The state of a job is in files, so any process can poll any job. A poll restarts a job that no process works on, because its
 * process died or its files were removed. A scene whose renderer crashed twice is failed until it is submitted again.
 */
export function createLocalProvider(options: LocalProviderOptions): LocalProvider {
  const root = path.resolve(options.directory)
  const clip = (clipKey: string) => clipDirectory(root, clipKey)
  const queue = createRenderQueue({
    root,
    clip,
    concurrency: options.concurrency ?? 1,
    memoryLimitMb: options.memoryLimitMb ?? 512,
    ffmpegPath: options.ffmpegPath ?? bundledFfmpeg(),
  })
  let isClosed = false

  // Best effort: the next run, in an hour, removes what could not be removed now.
  const prune = () => void pruneClips(root, options.keepMs ?? defaultKeepMs).catch(() => {})
  const pruning = setInterval(prune, pruneEveryMs).unref()
  prune()

  return {
    id,
    traits: {
      idempotentSubmit: true,
      cancellable: true,
      webhooks: false,
      minPollMs: 300,
      urlTtlMs: Number.MAX_SAFE_INTEGER,
    },

    plan({ key, storyboard, sceneIndex }) {
      if (storyboard.scenes[sceneIndex] === undefined) {
        return { kind: 'refused', message: `the storyboard has no scene ${sceneIndex + 1}` }
      }
      const recipe = recipeOf(storyboard, sceneIndex)
      const seconds = recipe.frames / recipe.fps
      return { kind: 'planned', key, model, ...recipe.size, seconds, input: asJson(recipe) }
    },

    async submit(plan, { dueAt, organizationId, upcoming = [] }) {
      const recipe = parseRecipe(plan.input)
      if (recipe === undefined)
        throw new SubmitRejected('the plan is of another version; plan the clip again')
      if (isClosed) throw new SubmitNotSent('the renderer is shutting down')

      // Failures before this submit do not count.
      await clip(clipKeyOf(recipe)).clearCrashes()
      queue.clearLastError(clipKeyOf(recipe))
      const place = { ...(dueAt && { dueAt }), ...(organizationId !== undefined && { organizationId }) }
      queue.add(recipe, { ...place, upcoming: upcoming.flatMap(({ input }) => parseRecipe(input) ?? []) })
      return { v: 1, provider: id, model, data: referenceOf(recipe, place) }
    },

    async poll(ref): Promise<JobState> {
      const reference = parseReference(ref.data)
      if (reference === undefined) {
        return {
          kind: 'failed',
          class: 'input',
          code: 'unknown_reference',
          message: 'the reference is not of this renderer',
        }
      }

      const { recipe, place } = reference
      const clipKey = clipKeyOf(recipe)
      const state = await clip(clipKey).read().catch(throwUnreadable)
      if (state.kind === 'done') return { kind: 'done', assets: [assetOf(state.result)] }
      const lastError = queue.lastErrorOf(clipKey)
      // A renderer that has not painted a frame may still fail like the one before it.
      if (lastError !== undefined && !(state.kind === 'running' && state.progress.frames > 0)) {
        // Queued again at once: the next poll finds a clip or the same error, and its caller counts the errors.
        if (!isClosed) queue.add(recipe, place)
        throwUnreadable(lastError)
      }
      if (state.kind === 'running') {
        return { kind: 'running', progress: state.progress.frames / state.progress.of, pollAfterMs }
      }
      if (state.crash.count >= maxCrashes) {
        return { kind: 'failed', class: 'provider', code: 'renderer_crashed', message: state.crash.message }
      }
      if (isClosed) throw new PollTransient('the renderer is shutting down')
      const position = queue.add(recipe, place)
      return position === 0
        ? { kind: 'running', progress: 0, pollAfterMs }
        : { kind: 'queued', position, pollAfterMs: pollAfterMs * Math.min(maxPollFactor, 1 + position) }
    },

    async open(ref, asset, { signal }) {
      const reference = parseReference(ref.data)
      const found = reference && clip(clipKeyOf(reference.recipe))
      const state = await found?.read().catch(throwUnreadable)
      if (found === undefined || state?.kind !== 'done')
        throw new PollTransient(`${asset.name} is not available; poll again`)
      return ReadableStream.from(streamVerified(found.segment, state.result, signal))
    },

    async cancel(ref) {
      const reference = parseReference(ref.data)
      if (reference === undefined) return
      const clipKey = clipKeyOf(reference.recipe)
      await queue.remove(clipKey)
      // A renderer of another process stops within a second, when it cannot renew its lease. If it worked for another job with
      // the same scene, that job's next poll restarts it.
      await rm(clip(clipKey).lease, { force: true })
    },

    async close() {
      isClosed = true
      clearInterval(pruning)
      await queue.close()
    },
  }
}

/** An unreadable disk says nothing about the job. Rethrows a fault of this machine, and PollTransient otherwise. */
function throwUnreadable(cause: unknown): never {
  if (hostFaultOf(cause)) throw cause
  throw new PollTransient('the clip directory cannot be used', { cause })
}

const assetOf = ({ bytes, sha256 }: ClipResult): Asset => ({
  name: 'segment.mp4',
  contentType: 'video/mp4',
  bytes,
  sha256,
})

/** Streams a file and fails at the end if its content does not match the expected hash. */
async function* streamVerified(
  file: string,
  expected: ClipResult,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { signal })) {
    hash.update(chunk)
    yield chunk
  }
  if (hash.digest('hex') !== expected.sha256) throw new PollTransient('the segment changed while it was read')
}
