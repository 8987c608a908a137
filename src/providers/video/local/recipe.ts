import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Palette, Size, Storyboard } from '../../../storyboard/storyboard.ts'
import { timelineOf } from '../../../storyboard/timeline.ts'

/** Raised whenever the same recipe would give other pixels, so that old clips are not taken for new ones. */
const rendererVersion = 3

/**
 * All that decides the pixels of one scene, and nothing else.
 *
 * The painter sees only this, so two equal recipes are the same clip whichever storyboards they come from. It is small
 * enough to be the job's reference: a process that has never heard of the job can render it from there.
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

/** Throws RangeError where the storyboard has no such scene. */
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

/** Reads a stored recipe; undefined where it is none of this version. */
export function parseRecipe(value: unknown): SceneRecipe | undefined {
  return schema.safeParse(value).data
}

/** The clip's name: 32 hexadecimal digits of the recipe's hash. Fields are put in order by the schema first. */
export function clipKeyOf(recipe: SceneRecipe): string {
  const content = JSON.stringify([rendererVersion, schema.parse(recipe)])
  return createHash('sha256').update(content).digest('hex').slice(0, 32)
}
