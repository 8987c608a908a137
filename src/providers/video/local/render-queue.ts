import { runInChild } from './child-task.ts'
import type { ClipDirectory, Crash } from './clip-directory.ts'
import { clipKeyOf, type SceneRecipe } from './recipe.ts'
import type { RenderTask } from './render-child.ts'

const renderChild = new URL('./render-child.ts', import.meta.url)

/** How long an idle queue waits for what is due earlier: jobs that start together come in any order. */
const gatherMs = 300

export interface RenderQueueOptions {
  readonly root: string
  readonly concurrency: number
  readonly memoryLimitMb: number
  readonly ffmpegPath: string
  clip(clipKey: string): ClipDirectory
}

interface Wish {
  readonly recipe: SceneRecipe
  /** Milliseconds since 1970; infinite where nobody said. */
  readonly dueAt: number
}

interface AddOptions {
  readonly dueAt?: Date
  /** Rendered ahead of their own orders, so that one video is done before the next is begun. */
  readonly ahead?: readonly SceneRecipe[]
}

interface Running {
  readonly controller: AbortController
  readonly ended: Promise<void>
}

/**
 * The clips that this process is to render, by the time that they are due, at most `concurrency` at a time. What has no such
 * time comes last, first come first served.
 *
 * It is a wish list and not a record: it dies with the process, and whoever asks for a clip next puts it on again.
 */
export function createRenderQueue(options: RenderQueueOptions) {
  const waiting = new Map<string, Wish>()
  const running = new Map<string, Running>()
  /** What was put on the list along with a clip, and leaves it with that. */
  const followersOf = new Map<string, readonly string[]>()
  let gathering: NodeJS.Timeout | undefined
  const troubles = new Map<string, unknown>()

  /** The earliest due first; of equals, the one that came first. */
  const inOrder = () =>
    [...waiting].sort(([, a], [, b]) => (a.dueAt < b.dueAt ? -1 : a.dueAt > b.dueAt ? 1 : 0))

  function startSoon(dueAt: number): void {
    if (running.size > 0) startNext()
    else if (Number.isFinite(dueAt)) gathering ??= setTimeout(startNext, gatherMs)
    else if (!gathering) startNext()
  }

  function startNext(): void {
    clearTimeout(gathering)
    gathering = undefined
    for (const [clipKey, { recipe }] of inOrder()) {
      if (running.size >= options.concurrency) return
      waiting.delete(clipKey)
      const controller = new AbortController()
      const ended = render(clipKey, recipe, controller.signal)
        .then(
          () => void troubles.delete(clipKey),
          (error) => void troubles.set(clipKey, error),
        )
        .finally(() => {
          running.delete(clipKey)
          startNext()
        })
      running.set(clipKey, { controller, ended })
    }
  }

  async function render(clipKey: string, recipe: SceneRecipe, signal: AbortSignal): Promise<void> {
    const { root, ffmpegPath, memoryLimitMb } = options
    const clip = options.clip(clipKey)
    const before = await clip.read()
    // Done, or in another process's hands, since it was put on the list.
    if (before.kind !== 'idle' || signal.aborted) return

    const task: RenderTask = { root, recipe, ffmpegPath }
    const outcome = await runInChild(renderChild, task, { memoryLimitMb, signal })
    if (outcome.kind === 'answered' || signal.aborted) return
    // Not the scene's: it may be tried as often as the machine needs to be mended.
    if (outcome.kind === 'fault') throw outcome.fault
    const crash: Crash = { tries: before.crash.tries + 1, message: outcome.message }
    await clip.recordCrash(crash)
  }

  return {
    /**
     * Puts a clip on the list, unless it is there, and after it those that follow it; answers its place in it, 0 while it is
     * being rendered. Who comes for a clip that is there can only make it due earlier.
     */
    add(recipe: SceneRecipe, { dueAt, ahead = [] }: AddOptions = {}): number {
      const clipKey = clipKeyOf(recipe)
      const due = dueAt?.getTime() ?? Number.POSITIVE_INFINITY
      const followers = ahead.map((next) => [clipKeyOf(next), next] as const)
      for (const [key, wanted] of [[clipKey, recipe] as const, ...followers]) {
        const before = waiting.get(key)
        if (before && before.dueAt > due) waiting.set(key, { recipe: wanted, dueAt: due })
        if (!before && !running.has(key)) waiting.set(key, { recipe: wanted, dueAt: due })
      }
      // Ordered itself now, it follows nothing any more.
      for (const [before, [next]] of followersOf) if (next === clipKey) followersOf.delete(before)
      if (followers.length > 0)
        followersOf.set(
          clipKey,
          followers.map(([key]) => key),
        )
      startSoon(due)
      return running.has(clipKey) ? 0 : inOrder().findIndex(([key]) => key === clipKey) + 1
    },

    /** Why this machine has not let a clip be rendered, or its crash be noted, until it does or the clip is ordered anew. */
    troubleOf: (clipKey: string): unknown => troubles.get(clipKey),
    forgetTrouble: (clipKey: string) => void troubles.delete(clipKey),

    /** Takes a clip and those that follow it off the list, or stops their renderers and waits until these have tidied up. */
    async remove(clipKey: string): Promise<void> {
      const keys = [clipKey, ...(followersOf.get(clipKey) ?? [])]
      followersOf.delete(clipKey)
      const found = keys.map((key) => {
        waiting.delete(key)
        troubles.delete(key)
        return running.get(key)
      })
      for (const each of found) each?.controller.abort()
      await Promise.all(found.map((each) => each?.ended))
    },

    async close(): Promise<void> {
      clearTimeout(gathering)
      waiting.clear()
      const all = [...running.values()]
      for (const { controller } of all) controller.abort()
      await Promise.all(all.map(({ ended }) => ended))
    },
  }
}
