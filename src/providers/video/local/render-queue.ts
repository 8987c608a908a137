import { runInChild } from './child-task.ts'
import type { ClipDirectory, Crash } from './clip-directory.ts'
import { clipKeyOf, type SceneRecipe } from './recipe.ts'
import type { RenderTask } from './render-child.ts'

const renderChild = new URL('./render-child.ts', import.meta.url)

export interface RenderQueueOptions {
  readonly root: string
  readonly concurrency: number
  readonly memoryLimitMb: number
  readonly ffmpegPath: string
  clip(clipKey: string): ClipDirectory
}

interface Running {
  readonly controller: AbortController
  readonly ended: Promise<void>
}

/**
 * The clips that this process is to render, first come first served, at most `concurrency` at a time.
 *
 * It is a wish list and not a record: it dies with the process, and whoever asks for a clip next puts it on again.
 */
export function createRenderQueue(options: RenderQueueOptions) {
  const waiting = new Map<string, SceneRecipe>()
  const running = new Map<string, Running>()
  const troubles = new Map<string, unknown>()

  function startNext(): void {
    for (const [clipKey, recipe] of waiting) {
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
    /** Puts a clip on the list, unless it is there; answers its place in it, 0 while it is being rendered. */
    add(recipe: SceneRecipe): number {
      const clipKey = clipKeyOf(recipe)
      if (!running.has(clipKey) && !waiting.has(clipKey)) waiting.set(clipKey, recipe)
      startNext()
      return running.has(clipKey) ? 0 : [...waiting.keys()].indexOf(clipKey) + 1
    },

    /** Why this machine has not let a clip be rendered, or its crash be noted, until it does or the clip is ordered anew. */
    troubleOf: (clipKey: string): unknown => troubles.get(clipKey),
    forgetTrouble: (clipKey: string) => void troubles.delete(clipKey),

    /** Takes a clip off the list, or stops its renderer and waits until that has tidied up. */
    async remove(clipKey: string): Promise<void> {
      waiting.delete(clipKey)
      troubles.delete(clipKey)
      const found = running.get(clipKey)
      found?.controller.abort()
      await found?.ended
    },

    async close(): Promise<void> {
      waiting.clear()
      const all = [...running.values()]
      for (const { controller } of all) controller.abort()
      await Promise.all(all.map(({ ended }) => ended))
    },
  }
}
