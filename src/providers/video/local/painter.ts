import { type Canvas, createCanvas, type SKRSContext2D } from '@napi-rs/canvas'
import { layOutCaption } from '../../../storyboard/caption.ts'
import { labelSize, type SafeArea, safeAreaOf } from '../../../storyboard/safe-area.ts'
import type { Size } from '../../../storyboard/storyboard.ts'
import { createBackdrop } from './backdrop.ts'
import { captionOf } from './caption-sprite.ts'
import type { MovingSprite } from './moving-sprite.ts'
import { progressOf } from './progress-sprite.ts'
import type { SceneRecipe } from './recipe.ts'
import { drawLabel } from './sprite.ts'

/** The layers of a scene, from the lowest up. Together they are the picture. */
export interface ScenePainter {
  /** Paints the blurred and opaque background of a frame, in any size. */
  paintBackdrop(pen: SKRSContext2D, size: Size, frame: number): void
  /** What does not move: shade, grain and the account's name. In the size of the video, partly transparent. */
  readonly still: Canvas
  readonly sprites: readonly MovingSprite[]
}

/**
 * Prepares to paint one scene. Frames are counted from 0.
 *
 * A frame depends only on the recipe and its number, so it is painted identically after a crash. Every frame shows the whole
 * text: players start with the first one, and an empty frame at a cut flickers. Throws RangeError for a text that does not fit.
 */
export function createPainter(recipe: SceneRecipe): ScenePainter {
  const { size, fps, startFrame } = recipe
  const area = safeAreaOf(size)
  const layout = layOutCaption(recipe.text, size)
  if (layout === undefined) throw new RangeError('the text does not fit')

  const backdrop = createBackdrop(recipe)
  return {
    paintBackdrop: (pen, painted, frame) => backdrop.paint(pen, painted, (startFrame + frame) / fps),
    still: stillOf(recipe, area, backdrop.shade),
    sprites: [progressOf(recipe, area), captionOf(recipe, area, layout)],
  }
}

function stillOf({ size, handle }: SceneRecipe, { unit, bottom }: SafeArea, shade: Canvas): Canvas {
  const canvas = createCanvas(size.width, size.height)
  const pen = canvas.getContext('2d')
  pen.drawImage(shade, 0, 0)
  if (handle === undefined) return canvas
  pen.globalAlpha = 0.85
  pen.fillStyle = '#fff'
  drawLabel(pen, handle, labelSize.handle * unit, size.width / 2, size.height - bottom - 40 * unit)
  return canvas
}
