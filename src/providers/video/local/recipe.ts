import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Palette, Size, Storyboard } from '../../../storyboard/storyboard.ts'
import { timelineOf } from '../../../storyboard/timeline.ts'

/** Must be raised when the same recipe gives other pixels, so that old clips are not reused. */
const rendererVersion = 4

/**
 * Exactly the data that the pixels of one scene depend on.
 *
 * The painter reads nothing else, so equal recipes give the same clip for any storyboards. It is small enough to be the job's
 * reference, from which any process can render the clip.
 */
export interface SceneRecipe {
  readonly size: Size
  readonly fps: number
  readonly seed: number
  readonly palette: Palette
  readonly handle?: string
  readonly kicker?: string
  readonly text: string
  readonly sceneIndex: number
  readonly sceneCount: number
  readonly startFrame: number
  readonly frames: number
}

const count = z.int().min(0)

const schema = z.strictObject({
  size: z.strictObject({ width: count, height: count }),
  fps: count,
  seed: count,
  palette: z.strictObject({
    base: z.string(),
    blobs: z.array(z.string()),
    accent: z.string(),
    ink: z.string(),
  }),
  handle: z.string().exactOptional(),
  kicker: z.string().exactOptional(),
  text: z.string(),
  sceneIndex: count,
  sceneCount: count,
  startFrame: count,
  frames: count,
})

/** The recipe of a scene. Throws RangeError if the storyboard has no such scene. */
export function recipeOf(storyboard: Storyboard, sceneIndex: number): SceneRecipe {
  const scene = storyboard.scenes[sceneIndex]
  const span = timelineOf(storyboard).spans[sceneIndex]
  if (scene === undefined || span === undefined)
    throw new RangeError(`the storyboard has no scene ${sceneIndex}`)

  return {
    size: storyboard.size,
    fps: storyboard.fps,
    seed: storyboard.seed,
    palette: storyboard.palette,
    ...(storyboard.handle === undefined ? {} : { handle: storyboard.handle }),
    ...(scene.kicker === undefined ? {} : { kicker: scene.kicker }),
    text: scene.text,
    sceneIndex,
    sceneCount: storyboard.scenes.length,
    startFrame: span.startFrame,
    frames: span.frames,
  }
}

/** Parses a stored recipe; undefined if it is not of this version. */
export function parseRecipe(value: unknown): SceneRecipe | undefined {
  return schema.safeParse(value).data
}

/** The name of a clip: 32 hexadecimal digits of the recipe's hash. The schema sorts the fields first. */
export function clipKeyOf(recipe: SceneRecipe): string {
  const content = JSON.stringify([rendererVersion, schema.parse(recipe)])
  return createHash('sha256').update(content).digest('hex').slice(0, 32)
}
