import { open, rm } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import { serveOneTask } from './child-task.ts'
import { type ClipDirectory, clipDirectory } from './clip-directory.ts'
import { startEncoder } from './encoder.ts'
import { acquireLease, type Lease, leaseTiming } from './lease.ts'
import { createPainter } from './painter.ts'
import { clipKeyOf, type SceneRecipe } from './recipe.ts'
import { createSheet, pixelsOf } from './sheet.ts'

export interface RenderTask {
  readonly root: string
  readonly recipe: SceneRecipe
  readonly ffmpegPath: string
}

/** `busy`: another process renders this clip, or has taken over its lease. */
export type RenderAnswer = 'done' | 'busy'

// Rendering uses all free processor time; processes that answer requests have priority.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

serveOneTask(async (task, abandoned): Promise<RenderAnswer> => {
  const { root, recipe, ffmpegPath } = task as RenderTask // sent by the parent process, of the same version
  const clip = clipDirectory(root, clipKeyOf(recipe))
  await clip.create()
  const lease = await acquireLease(clip.lease)
  if (lease === undefined) return 'busy'

  try {
    await clip.recordStart()
    await clip.removeParts()
    return await render({ recipe, ffmpegPath, clip, lease, abandoned })
  } finally {
    await lease.release()
  }
})

interface RenderWork {
  readonly recipe: SceneRecipe
  readonly ffmpegPath: string
  readonly clip: ClipDirectory
  readonly lease: Lease
  readonly abandoned: AbortSignal
}

async function render({ recipe, ffmpegPath, clip, lease, abandoned }: RenderWork): Promise<RenderAnswer> {
  const { size, fps, frames } = recipe
  const leaseLost = new AbortController()
  const stop = AbortSignal.any([abandoned, leaseLost.signal])
  const part = clip.newPartPath()

  let painted = 0
  const renew = async () => {
    if (!(await lease.renew({ frames: painted, of: frames }))) leaseLost.abort()
  }
  await renew()
  const renewing = setInterval(renew, leaseTiming.renewEveryMs)

  try {
    const painter = createPainter(recipe)
    const sheet = createSheet(painter, size)
    const encoder = startEncoder(
      ffmpegPath,
      { size, fps, file: part, sheet: sheet.layout, still: pixelsOf(painter.still) },
      stop,
    )
    for (; painted < frames; painted++) {
      stop.throwIfAborted()
      const pixels = sheet.paint(painted)
      await encoder.write(pixels)
      // Frees the frame at once, so that the next one takes its pages. Left to garbage collection, frames add 40 MB.
      pixels.buffer.transfer(0)
    }
    await encoder.finish()
    await sync(part)
    stop.throwIfAborted()
    await clip.finish(part, { frames, seconds: frames / fps })
    return 'done'
  } catch (error) {
    if (leaseLost.signal.aborted) return 'busy'
    throw error
  } finally {
    clearInterval(renewing)
    await rm(part, { force: true }) // only its own file: the lease may be lost
  }
}

async function sync(file: string): Promise<void> {
  const handle = await open(file)
  await handle.sync()
  await handle.close()
}
