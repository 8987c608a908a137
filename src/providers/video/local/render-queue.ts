import { runInChild } from './child-task.ts'
import type { ClipDirectory, Crash } from './clip-directory.ts'
import { inFairOrder, type QueuedVideo, Turns, type WaitingClip } from './fair-order.ts'
import { clipKeyOf, type SceneRecipe } from './recipe.ts'
import type { RenderTask } from './render-child.ts'

const renderChild = new URL('./render-child.ts', import.meta.url)

/** How long an idle queue waits for clips that are due earlier: jobs that start together submit in any order. */
const gatherWindowMs = 300

export interface RenderQueueOptions {
  readonly root: string
  readonly concurrency: number
  readonly memoryLimitMb: number
  readonly ffmpegPath: string
  clip(clipKey: string): ClipDirectory
}

interface QueuedClip extends WaitingClip {
  readonly recipe: SceneRecipe
}

interface AddOptions {
  readonly organizationId?: string
  readonly dueAt?: Date
  /** Clips of the same video, rendered before they are submitted, so that one video is done before the next one starts. */
  readonly upcoming?: readonly SceneRecipe[]
}

interface Running {
  readonly controller: AbortController
  readonly ended: Promise<void>
}

/**
 * Renders clips in the order of their due times and fairly between organizations, at most `concurrency` at a time. An
 * organization's clips without a due time come last, in the order of their submission.
 *
 * The queue is in memory: after the end of the process the next poll of a clip queues it again.
 */
export function createRenderQueue(options: RenderQueueOptions) {
  const waiting = new Map<string, QueuedClip>()
  const running = new Map<string, Running>()
  /** The upcoming clips that were queued with a clip and are removed with it. */
  const upcomingOf = new Map<string, readonly string[]>()
  let gatherTimer: NodeJS.Timeout | undefined
  const lastErrors = new Map<string, unknown>()
  const turns = new Turns()
  /** Kept until the next change: each waiting clip is polled for its position. */
  let order: readonly string[] | undefined

  function positionOf(clipKey: string): number {
    order ??= [...inFairOrder(turns, waiting.values())].map((clip) => clip.clipKey)
    return order.indexOf(clipKey) + 1
  }

  function enqueue(clip: QueuedClip): void {
    waiting.set(clip.clipKey, clip)
    order = undefined
  }

  function dequeue(clipKey: string): void {
    if (waiting.delete(clipKey)) order = undefined
  }

  function startSoon(dueAt: number): void {
    if (running.size > 0) startNext()
    else if (Number.isFinite(dueAt)) gatherTimer ??= setTimeout(startNext, gatherWindowMs)
    else if (!gatherTimer) startNext()
  }

  function startNext(): void {
    clearTimeout(gatherTimer)
    gatherTimer = undefined
    for (const { clipKey, recipe, video } of inFairOrder(turns, waiting.values())) {
      if (running.size >= options.concurrency) return
      dequeue(clipKey)
      turns.begin(video)
      const controller = new AbortController()
      const ended = render(clipKey, recipe, controller.signal)
        .then(
          () => void lastErrors.delete(clipKey),
          (error) => void lastErrors.set(clipKey, error),
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
    // Another process has finished it or renders it now.
    if (before.kind !== 'idle' || signal.aborted) return

    const task: RenderTask = { root, recipe, ffmpegPath }
    const outcome = await runInChild(renderChild, task, { memoryLimitMb, signal })
    if (outcome.kind === 'answered' || signal.aborted) return
    // A fault of the machine does not count as a crash of the scene: it is retried until the machine works.
    if (outcome.kind === 'fault') throw outcome.fault
    const crash: Crash = { count: before.crash.count + 1, message: outcome.message }
    await clip.recordCrash(crash)
  }

  return {
    /**
     * Queues a clip and its upcoming ones, unless they are queued. Returns its 1-based position, or 0 while it is rendered. A
     * repeated call can only make a queued clip due earlier.
     */
    add(recipe: SceneRecipe, { organizationId = '', dueAt, upcoming = [] }: AddOptions = {}): number {
      const clipKey = clipKeyOf(recipe)
      const due = dueAt?.getTime() ?? Number.POSITIVE_INFINITY
      const upcomingClips = upcoming.map((next) => [clipKeyOf(next), next] as const)
      const clips = [[clipKey, recipe] as const, ...upcomingClips].filter(([key]) => {
        const before = waiting.get(key)
        return before ? before.video.dueAt > due : !running.has(key)
      })
      const seconds = clips.reduce((sum, [, { frames, fps }]) => sum + frames / fps, 0)
      const video: QueuedVideo = { organizationId, dueAt: due, seconds }
      for (const [key, wanted] of clips) enqueue({ clipKey: key, recipe: wanted, video })
      // Submitted itself now, it is no longer removed with another clip.
      for (const [before, [next]] of upcomingOf) if (next === clipKey) upcomingOf.delete(before)
      if (upcomingClips.length > 0)
        upcomingOf.set(
          clipKey,
          upcomingClips.map(([key]) => key),
        )
      startSoon(due)
      return running.has(clipKey) ? 0 : positionOf(clipKey)
    },

    /** The error of the last attempt to render a clip or to record its crash; cleared by a success or a new submit. */
    lastErrorOf: (clipKey: string): unknown => lastErrors.get(clipKey),
    clearLastError: (clipKey: string) => void lastErrors.delete(clipKey),

    /** Removes a clip and its upcoming ones from the queue, or stops their renderers and waits until they have cleaned up. */
    async remove(clipKey: string): Promise<void> {
      const keys = [clipKey, ...(upcomingOf.get(clipKey) ?? [])]
      upcomingOf.delete(clipKey)
      const found = keys.map((key) => {
        dequeue(key)
        lastErrors.delete(key)
        return running.get(key)
      })
      for (const each of found) each?.controller.abort()
      await Promise.all(found.map((each) => each?.ended))
    },

    async close(): Promise<void> {
      clearTimeout(gatherTimer)
      waiting.clear()
      const all = [...running.values()]
      for (const { controller } of all) controller.abort()
      await Promise.all(all.map(({ ended }) => ended))
    },
  }
}
