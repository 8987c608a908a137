import { type Canvas, createCanvas, type SKRSContext2D } from '@napi-rs/canvas'
import { type CaptionLayout, layOutCaption } from '../../../storyboard/caption.ts'
import { labelSize } from '../../../storyboard/fit.ts'
import { type SafeArea, safeAreaOf } from '../../../storyboard/safe-area.ts'
import { createBackdrop } from './backdrop.ts'
import { backOut, clamp, easeOut } from './easing.ts'
import type { SceneRecipe } from './recipe.ts'
import { chipSprite, drawLabel, isEmoji, wordSprite } from './sprite.ts'

const enterSeconds = 0.18
const leaveSeconds = 0.22

/** The moment of a frame, in seconds since its scene began, and how far the scene has left the stage (1 = not at all). */
interface Moment {
  readonly seconds: number
  readonly presence: number
  /** Pixels by which what leaves is lifted. */
  readonly lift: number
}

/**
 * Prepares to paint one scene.
 *
 * `paint(frame)` answers the scene's frame, counted from 0, as RGBA bytes. It depends on the recipe and the number alone,
 * so any frame can be painted again after a crash, bit for bit. Throws RangeError for a text that fits no layout.
 */
export function createPainter(recipe: SceneRecipe): {
  readonly canvas: Canvas
  paint(frame: number): Buffer
} {
  const { size, fps } = recipe
  const area = safeAreaOf(size)
  const layout = layOutCaption(recipe.text, size)
  if (layout === undefined) throw new RangeError('the text fits no layout')

  const canvas = createCanvas(size.width, size.height)
  const pen = canvas.getContext('2d')
  const paintBackdrop = createBackdrop(recipe)
  const paintCaption = captionOf(recipe, layout, area)
  const chip =
    recipe.kicker === undefined ? undefined : chipSprite(recipe.kicker, area.unit, recipe.palette.accent)

  return {
    canvas,
    paint(frame) {
      const seconds = frame / fps
      const presence = clamp((recipe.frames / fps - seconds) / leaveSeconds)
      const moment: Moment = { seconds, presence, lift: (easeOut(presence) - 1) * 60 * area.unit }

      paintBackdrop(pen, (recipe.startFrame + frame) / fps)
      paintProgress(pen, recipe, area, frame)
      if (chip !== undefined) paintChip(pen, chip, layout, area, size.width, moment)
      paintCaption(pen, moment)
      if (recipe.handle !== undefined) paintHandle(pen, recipe.handle, recipe, area)
      return canvas.data()
    },
  }
}

/** One bar for each scene, filled as the video goes on. */
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
  { seconds, presence, lift }: Moment,
): void {
  const scale = backOut(seconds / 0.35) * (0.9 + 0.1 * presence)
  const width = chip.width * scale
  const height = chip.height * scale
  pen.globalAlpha = clamp(seconds / 0.15) * presence
  pen.drawImage(chip, (frameWidth - width) / 2, layout.top - 84 * unit - height / 2 + lift, width, height)
}

/** The words land one after the other, as fast as they are read; the one being read has the accent colour. */
function captionOf({ frames, fps, palette }: SceneRecipe, layout: CaptionLayout, { unit }: SafeArea) {
  const words = layout.words.map((word) => ({
    ...word,
    plain: wordSprite(word, layout.size, palette.ink),
    bright: wordSprite(word, layout.size, palette.accent),
    sways: isEmoji(word.text),
  }))
  const count = 1 + Math.max(...words.map(({ word }) => word))
  const readingSeconds = Math.min((frames / fps) * 0.72, count * 0.34)
  const step = readingSeconds / count

  return (pen: SKRSContext2D, { seconds, presence, lift }: Moment) => {
    words.forEach((word) => {
      const since = seconds - (0.12 + word.word * step)
      if (since <= 0) return

      const entered = since / enterSeconds
      const sprite = since < step + 0.04 ? word.bright : word.plain
      const scale = 0.72 + 0.28 * backOut(entered)
      const rise = (1 - easeOut(entered)) * 34 * unit
      pen.save()
      pen.globalAlpha = clamp(entered * 1.6) * presence
      pen.translate(word.x + word.width / 2, word.y + rise + lift)
      if (word.sways) pen.rotate(0.09 * Math.sin(since * 5) * Math.exp(-since * 0.8))
      pen.scale(scale, scale)
      pen.drawImage(sprite, -sprite.width / 2, -sprite.height / 2)
      pen.restore()
    })
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
