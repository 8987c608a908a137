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
  type JsonValue,
  PollTransient,
  SubmitNotSent,
  SubmitRejected,
  type VideoProvider,
} from '../provider.ts'
import { type ClipResult, clipDirectory } from './clip-directory.ts'
import { bundledFfmpeg } from './ffmpeg.ts'
import { pruneClips } from './prune.ts'
import { clipKeyOf, parseRecipe, recipeOf, type SceneRecipe } from './recipe.ts'
import { createRenderQueue } from './render-queue.ts'

const id = 'local'
const model = 'storyboard'
const pollAfterMs = 500
/** Who stands further back asks more rarely, up to so many times: each asking is a checkpoint. */
const longestLook = 10
const maxTries = 2
const hourMs = 60 * 60 * 1000

export interface LocalProviderOptions {
  /** Where clips are kept, one directory each. Every process of the machine may use the same. */
  readonly directory: string
  /** Renderers of this process at a time. One takes about two cores. Default 1. */
  readonly concurrency?: number
  /** The JavaScript heap of one renderer. Pictures come on top: about 250 MB at 1080x1920. Default 512. */
  readonly memoryLimitMb?: number
  /** Default: the ffmpeg from the npm packages. */
  readonly ffmpegPath?: string
  /** How long clips are kept for those who may ask for the same again. Default: an hour. */
  readonly keepMs?: number
}

export interface LocalProvider extends VideoProvider {
  cancel(ref: JobRef): Promise<void>
  /** Stops this process's renderers and waits for them. What they had finished stays. */
  close(): Promise<void>
}

/**
 * Renders scenes on this machine, each in a process of its own.
 *
 * A job's state is told from files alone, so any process may poll any job. A job that nobody is working on, because its
 * process died or its files are gone, is started again by the poll that finds it so. A renderer that crashes twice is
 * reported as failed until the scene is submitted anew.
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

  // Best effort: what cannot be removed now is found again in an hour.
  const prune = () => void pruneClips(root, options.keepMs ?? hourMs).catch(() => {})
  const pruning = setInterval(prune, hourMs).unref()
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

    async submit(plan, { dueAt, upcoming = [] }) {
      const recipe = parseRecipe(plan.input)
      if (recipe === undefined) throw new SubmitRejected('the plan was made by another version; plan again')
      if (isClosed) throw new SubmitNotSent('the renderer is shutting down')

      // A new order: what went wrong with an earlier one does not count against it.
      await clip(clipKeyOf(recipe)).forgetCrashes()
      queue.forgetTrouble(clipKeyOf(recipe))
      queue.add(recipe, {
        ...(dueAt && { dueAt }),
        ahead: upcoming.flatMap(({ input }) => parseRecipe(input) ?? []),
      })
      return { v: 1, provider: id, model, data: plan.input }
    },

    async poll(ref): Promise<JobState> {
      const recipe = parseRecipe(ref.data)
      if (recipe === undefined) {
        return {
          kind: 'failed',
          class: 'input',
          code: 'unknown_reference',
          message: 'no reference of this renderer',
        }
      }

      const clipKey = clipKeyOf(recipe)
      const state = await clip(clipKey).read().catch(refuseToGuess)
      if (state.kind === 'done') return { kind: 'done', assets: [assetOf(state.result)] }
      const trouble = queue.troubleOf(clipKey)
      // A renderer that has not drawn anything yet may meet the same trouble as the one before it.
      if (trouble !== undefined && !(state.kind === 'running' && state.progress.frames > 0)) {
        // Tried again at once: whoever polls again later finds a clip, or the same trouble, and can count.
        if (!isClosed) queue.add(recipe)
        refuseToGuess(trouble)
      }
      if (state.kind === 'running') {
        return { kind: 'running', progress: state.progress.frames / state.progress.of, pollAfterMs }
      }
      if (state.crash.tries >= maxTries) {
        return { kind: 'failed', class: 'provider', code: 'renderer_crashed', message: state.crash.message }
      }
      if (isClosed) throw new PollTransient('the renderer is shutting down')
      const position = queue.add(recipe)
      return position === 0
        ? { kind: 'running', progress: 0, pollAfterMs }
        : { kind: 'queued', position, pollAfterMs: pollAfterMs * Math.min(longestLook, 1 + position) }
    },

    async open(ref, asset, { signal }) {
      const recipe = parseRecipe(ref.data)
      const found = recipe && clip(clipKeyOf(recipe))
      const state = await found?.read().catch(refuseToGuess)
      if (found === undefined || state?.kind !== 'done')
        throw new PollTransient(`${asset.name} is not there; poll again`)
      return ReadableStream.from(whole(found.segment, state.result, signal))
    },

    async cancel(ref) {
      const recipe = parseRecipe(ref.data)
      if (recipe === undefined) return
      const clipKey = clipKeyOf(recipe)
      await queue.remove(clipKey)
      // A renderer of another process stops when it finds its lease gone, within a second. If it worked for a job that
      // has the same scene, that job's next poll starts it again.
      await rm(clip(clipKey).lease, { force: true })
    },

    async close() {
      isClosed = true
      clearInterval(pruning)
      await queue.close()
    },
  }
}

/** A disk that cannot be read says nothing about the job; whether it is this machine's fault is told apart. */
function refuseToGuess(cause: unknown): never {
  if (hostFaultOf(cause)) throw cause
  throw new PollTransient('the clip directory cannot be used', { cause })
}

// Copied member by member: an interface has no index signature, so it does not count as JSON by itself.
const asJson = (recipe: SceneRecipe): JsonValue => ({
  ...recipe,
  size: { ...recipe.size },
  palette: { ...recipe.palette },
})

const assetOf = ({ bytes, sha256 }: ClipResult): Asset => ({
  name: 'segment.mp4',
  contentType: 'video/mp4',
  bytes,
  sha256,
})

/** A file's bytes; fails at the end if they were not all of them, or others. */
async function* whole(file: string, expected: ClipResult, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { signal })) {
    hash.update(chunk)
    yield chunk
  }
  if (hash.digest('hex') !== expected.sha256) throw new PollTransient('the segment changed while it was read')
}
