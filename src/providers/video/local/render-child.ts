import { open, rm } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import { answerOneTask } from './child-task.ts'
import { type ClipDirectory, clipDirectory } from './clip-directory.ts'
import { startEncoder } from './encoder.ts'
import { acquireLease, type Lease, leaseTiming } from './lease.ts'
import { createPainter } from './painter.ts'
import { clipKeyOf, type SceneRecipe } from './recipe.ts'

export interface RenderTask {
  readonly root: string
  readonly recipe: SceneRecipe
  readonly ffmpegPath: string
}

/** `busy`: another process renders this clip, or has taken it over. */
export type RenderAnswer = 'done' | 'busy'

// Rendering takes all the processor that there is; whoever answers requests on the same machine goes first.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

answerOneTask(async (task, abandoned): Promise<RenderAnswer> => {
  const { root, recipe, ffmpegPath } = task as RenderTask // sent by our own parent, of the same version
  const clip = clipDirectory(root, clipKeyOf(recipe))
  await clip.create()
  const lease = await acquireLease(clip.lease)
  if (lease === undefined) return 'busy'

  try {
    await clip.noteStart()
    await clip.removeParts()
    return await render({ recipe, ffmpegPath, clip, lease, abandoned })
  } finally {
    await lease.release()
  }
})

interface Work {
  readonly recipe: SceneRecipe
  readonly ffmpegPath: string
  readonly clip: ClipDirectory
  readonly lease: Lease
  readonly abandoned: AbortSignal
}

async function render({ recipe, ffmpegPath, clip, lease, abandoned }: Work): Promise<RenderAnswer> {
  const { size, fps, frames } = recipe
  const lost = new AbortController()
  const stop = AbortSignal.any([abandoned, lost.signal])
  const part = clip.newPart()

  let painted = 0
  const beat = async () => {
    if (!(await lease.renew({ frames: painted, of: frames }))) lost.abort()
  }
  await beat()
  const pulse = setInterval(beat, leaseTiming.everyMs)

  try {
    const painter = createPainter(recipe)
    const encoder = startEncoder(ffmpegPath, { size, fps, file: part }, stop)
    for (; painted < frames; painted++) {
      stop.throwIfAborted()
      await encoder.write(painter.paint(painted))
    }
    await encoder.finish()
    await sync(part)
    stop.throwIfAborted()
    await clip.finish(part, { frames, seconds: frames / fps })
    return 'done'
  } catch (error) {
    if (lost.signal.aborted) return 'busy'
    throw error
  } finally {
    clearInterval(pulse)
    await rm(part, { force: true }) // its own and no other: the lease may be lost
  }
}

async function sync(file: string): Promise<void> {
  const handle = await open(file)
  await handle.sync()
  await handle.close()
}
