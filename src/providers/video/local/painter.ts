import { type Canvas, createCanvas, type SKRSContext2D } from '@napi-rs/canvas'
import { type CaptionLayout, layOutCaption } from '../../../storyboard/caption.ts'
import { labelSize, type SafeArea, safeAreaOf } from '../../../storyboard/safe-area.ts'
import { createBackdrop } from './backdrop.ts'
import { backOut, clamp } from './easing.ts'
import type { SceneRecipe } from './recipe.ts'
import { chipSprite, drawLabel, isEmoji, wordSprite } from './sprite.ts'

/** Caption and label start slightly smaller, but are completely visible on the first frame. */
const entrance = { from: 0.94, seconds: 0.3 }
/** A word grows and shrinks again when it is highlighted. */
const highlight = { by: 0.06, seconds: 0.26 }

/**
 * Prepares to paint one scene.
 *
 * `paint(frame)` returns the scene's frame, counted from 0, as RGBA bytes. It depends only on the recipe and the number, so a
 * frame is painted identically after a crash. Every frame shows the whole text, because the first frame of a video is its
 * cover at TikTok. Throws RangeError for a text that does not fit.
 */
export function createPainter(recipe: SceneRecipe): {
  readonly canvas: Canvas
  paint(frame: number): Buffer
} {
  const { size, fps } = recipe
  const area = safeAreaOf(size)
  const layout = layOutCaption(recipe.text, size)
  if (layout === undefined) throw new RangeError('the text does not fit')

  const canvas = createCanvas(size.width, size.height)
  const pen = canvas.getContext('2d')
  const paintBackdrop = createBackdrop(recipe)
  const paintCaption = captionOf(recipe, layout)
  const chip =
    recipe.kicker === undefined ? undefined : chipSprite(recipe.kicker, area.unit, recipe.palette.accent)

  return {
    canvas,
    paint(frame) {
      const seconds = frame / fps
      paintBackdrop(pen, (recipe.startFrame + frame) / fps)
      paintProgress(pen, recipe, area, frame)
      pen.save()
      const scale = entrance.from + (1 - entrance.from) * backOut(seconds / entrance.seconds)
      pen.translate((size.width / 2) * (1 - scale), area.centreY * (1 - scale))
      pen.scale(scale, scale)
      if (chip !== undefined) paintChip(pen, chip, layout, area, size.width)
      paintCaption(pen, seconds)
      pen.restore()
      if (recipe.handle !== undefined) paintHandle(pen, recipe.handle, recipe, area)
      return canvas.data()
    },
  }
}

/** One bar per scene, filled with the progress of the video. */
function paintProgress(
  pen: SKRSContext2D,
  recipe: SceneRecipe,
  { unit, top }: SafeArea,
  frame: number,
): void {
  const { sceneIndex, sceneCount } = recipe
  const margin = 80 * unit
  const gap = Math.min(12, 240 / sceneCount) * unit
  const width = (recipe.size.width - 2 * margin - gap * (sceneCount - 1)) / sceneCount
  const height = Math.min(9 * unit, width)
  const y = top - 6 * unit

  const bar = (x: number, length: number, style: string) => {
    pen.fillStyle = style
    pen.beginPath()
    pen.roundRect(x, y, length, height, height / 2)
    pen.fill()
  }

  pen.globalAlpha = 1
  for (let index = 0; index < sceneCount; index++) {
    const x = margin + index * (width + gap)
    const filled = index === sceneIndex ? (frame + 1) / recipe.frames : index < sceneIndex ? 1 : 0
    bar(x, width, 'rgba(255,255,255,.28)')
    if (filled > 0) bar(x, Math.max(height, width * filled), '#fff')
  }
}

function paintChip(
  pen: SKRSContext2D,
  chip: Canvas,
  layout: CaptionLayout,
  { unit }: SafeArea,
  frameWidth: number,
): void {
  pen.drawImage(chip, (frameWidth - chip.width) / 2, layout.top - 84 * unit - chip.height / 2)
}

/** Highlights the words in the accent colour one after the other, at about reading speed. */
function captionOf({ frames, fps, palette }: SceneRecipe, layout: CaptionLayout) {
  const words = layout.words.map((word) => ({
    ...word,
    plain: wordSprite(word, layout.size, palette.ink),
    bright: wordSprite(word, layout.size, palette.accent),
    sways: isEmoji(word.text),
  }))
  const count = 1 + Math.max(...words.map(({ word }) => word))
  const readingSeconds = Math.min((frames / fps) * 0.72, count * 0.34)
  const step = readingSeconds / count

  return (pen: SKRSContext2D, seconds: number) => {
    for (const word of words) {
      const since = seconds - word.word * step
      const sprite = since >= 0 && since < step ? word.bright : word.plain
      const scale = 1 + highlight.by * Math.sin(Math.PI * clamp(since / highlight.seconds))
      pen.save()
      pen.translate(word.x + word.width / 2, word.y)
      if (word.sways && since > 0) pen.rotate(0.09 * Math.sin(since * 5) * Math.exp(-since * 0.8))
      pen.scale(scale, scale)
      pen.drawImage(sprite, -sprite.width / 2, -sprite.height / 2)
      pen.restore()
    }
  }
}

function paintHandle(
  pen: SKRSContext2D,
  handle: string,
  { size }: SceneRecipe,
  { unit, bottom }: SafeArea,
): void {
  pen.globalAlpha = 0.85
  pen.fillStyle = '#fff'
  drawLabel(pen, handle, labelSize.handle * unit, size.width / 2, size.height - bottom - 40 * unit)
  pen.globalAlpha = 1
}
