import type { SKRSContext2D } from '@napi-rs/canvas'
import type { CaptionLayout } from '../../../storyboard/caption.ts'
import { captionEntranceSeconds } from '../../../storyboard/cover.ts'
import type { SafeArea } from '../../../storyboard/safe-area.ts'
import { backOut, clamp } from './easing.ts'
import type { MovingSprite, Rectangle } from './moving-sprite.ts'
import type { SceneRecipe } from './recipe.ts'
import { chipSprite, isEmoji, wordSprite } from './sprite.ts'

/** Caption and label start slightly smaller, but are completely visible on the first frame. */
const entranceScale = 0.94
/** The entrance overshoots its end by less than this factor. */
const maxEntranceScale = 1.01
/** A word grows and shrinks again when it is highlighted. */
const highlight = { by: 0.06, seconds: 0.26 }

/** The caption with the label above it. */
export function captionOf(recipe: SceneRecipe, area: SafeArea, layout: CaptionLayout): MovingSprite {
  const { size, fps, kicker, palette } = recipe
  const words = highlightedWords(recipe, layout)
  const chip = kicker === undefined ? undefined : chipSprite(kicker, area.unit, palette.accent)
  const chipAt = chip && {
    x: (size.width - chip.width) / 2,
    y: layout.top - 84 * area.unit - chip.height / 2,
  }

  const boxes = words.map(({ box }) => box)
  if (chip && chipAt) boxes.push({ ...chipAt, width: chip.width, height: chip.height })
  return {
    bounds: scaledAround(enclosing(boxes), { x: size.width / 2, y: area.centreY }, maxEntranceScale),
    paint(pen, frame) {
      const seconds = frame / fps
      pen.save()
      const scale = entranceScale + (1 - entranceScale) * backOut(seconds / captionEntranceSeconds)
      pen.translate((size.width / 2) * (1 - scale), area.centreY * (1 - scale))
      pen.scale(scale, scale)
      if (chip && chipAt) pen.drawImage(chip, chipAt.x, chipAt.y)
      for (const word of words) word.paint(pen, seconds)
      pen.restore()
    },
  }
}

/** Highlights the words in the accent colour one after the other, at about reading speed. */
function highlightedWords({ frames, fps, palette }: SceneRecipe, { words, size }: CaptionLayout) {
  const count = 1 + Math.max(...words.map(({ word }) => word))
  const readingSeconds = Math.min((frames / fps) * 0.72, count * 0.34)
  const step = readingSeconds / count

  return words.map((word) => {
    const plain = wordSprite(word, size, palette.ink)
    const bright = wordSprite(word, size, palette.accent)
    const sways = isEmoji(word.text)
    const centre = { x: word.x + word.width / 2, y: word.y }
    // Half the diagonal: a swaying word stays within it.
    const reach = (Math.hypot(plain.width, plain.height) / 2) * (1 + highlight.by)
    const half = sways
      ? { x: reach, y: reach }
      : { x: (plain.width / 2) * (1 + highlight.by), y: (plain.height / 2) * (1 + highlight.by) }

    return {
      box: { x: centre.x - half.x, y: centre.y - half.y, width: 2 * half.x, height: 2 * half.y },
      paint(pen: SKRSContext2D, seconds: number) {
        const since = seconds - word.word * step
        const sprite = since >= 0 && since < step ? bright : plain
        const scale = 1 + highlight.by * Math.sin(Math.PI * clamp(since / highlight.seconds))
        pen.save()
        pen.translate(centre.x, centre.y)
        if (sways && since > 0) pen.rotate(0.09 * Math.sin(since * 5) * Math.exp(-since * 0.8))
        pen.scale(scale, scale)
        pen.drawImage(sprite, -sprite.width / 2, -sprite.height / 2)
        pen.restore()
      },
    }
  })
}

function enclosing(boxes: readonly Rectangle[]): Rectangle {
  const x = Math.min(...boxes.map((box) => box.x))
  const y = Math.min(...boxes.map((box) => box.y))
  const right = Math.max(...boxes.map((box) => box.x + box.width))
  const bottom = Math.max(...boxes.map((box) => box.y + box.height))
  return { x, y, width: right - x, height: bottom - y }
}

function scaledAround(
  box: Rectangle,
  centre: { readonly x: number; readonly y: number },
  by: number,
): Rectangle {
  return {
    x: centre.x + (box.x - centre.x) * by,
    y: centre.y + (box.y - centre.y) * by,
    width: box.width * by,
    height: box.height * by,
  }
}
