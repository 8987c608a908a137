import { type Canvas, createCanvas, type SKRSContext2D } from '@napi-rs/canvas'
import { type Face, fillRun, fontOf, type Run, runsOf, widthOf } from '../../../storyboard/font.ts'
import { layOutLabel, type TextPiece } from '../../../storyboard/line.ts'
import { labelSize } from '../../../storyboard/safe-area.ts'

/** Whether a word consists of emoji only. */
export const isEmoji = (word: string): boolean => runsOf(word).every((run) => run.isEmoji)

type DrawableText = Pick<TextPiece, 'text' | 'width' | 'isRtl'>

/** A word of the caption with outline and shadow, drawn once and centred in its canvas. */
export function wordSprite(word: DrawableText, size: number, ink: string): Canvas {
  const padding = size * 0.35
  const canvas = createCanvas(Math.ceil(word.width + 2 * padding), Math.ceil(size * 1.3 + 2 * padding))
  const pen = canvas.getContext('2d')
  pen.textBaseline = 'middle'
  pen.lineJoin = 'round'
  pen.lineWidth = size * 0.13
  pen.strokeStyle = contrastOf(ink)
  pen.fillStyle = ink

  const shadowed = (draw: () => void) => {
    pen.shadowColor = 'rgba(0,0,0,.55)'
    pen.shadowBlur = size * 0.16
    pen.shadowOffsetY = size * 0.06
    draw()
    pen.shadowColor = 'transparent'
  }

  // Emoji get no outline: stroking draws a stray edge beside them.
  const y = canvas.height / 2
  drawRuns(pen, word, 'caption', size, padding, (run, x) => {
    if (run.isEmoji) return shadowed(() => fillRun(pen, run, x, y))
    shadowed(() => pen.strokeText(run.text, x, y))
    fillRun(pen, run, x, y)
  })
  return canvas
}

/** Draws a text on one line, centred at `x` and `y`. */
export function drawLabel(pen: SKRSContext2D, text: string, size: number, x: number, y: number): void {
  const { pieces, width } = layOutLabel(text, 'label', size)
  pen.textBaseline = 'middle'
  for (const piece of pieces) {
    drawRuns(pen, piece, 'label', size, x - width / 2 + piece.x, (run, left) => fillRun(pen, run, left, y))
  }
}

/** Draws a piece's runs from left to right; sets the pen's font and direction for each. */
function drawRuns(
  pen: SKRSContext2D,
  { text, isRtl }: DrawableText,
  face: Face,
  size: number,
  left: number,
  draw: (run: Run, x: number) => void,
): void {
  const runs = runsOf(text)
  let x = left
  pen.textAlign = 'left'
  for (const run of isRtl ? runs.toReversed() : runs) {
    pen.font = fontOf(face, size, run.isEmoji)
    pen.direction = isRtl && !run.isEmoji ? 'rtl' : 'ltr'
    draw(run, x)
    x += widthOf(run.text, face, size)
  }
}

/** The kicker: a short text on a pill in the accent colour. */
export function chipSprite(text: string, unit: number, accent: string): Canvas {
  const size = labelSize.kicker * unit
  const width = widthOf(text, 'label', size) + 56 * unit
  const height = 78 * unit
  const canvas = createCanvas(Math.ceil(width), Math.ceil(height))
  const pen = canvas.getContext('2d')
  pen.fillStyle = accent
  pen.beginPath()
  pen.roundRect(0, 0, width, height, height / 2)
  pen.fill()

  pen.fillStyle = contrastOf(accent)
  drawLabel(pen, text, size, width / 2, height / 2 + 2 * unit)
  return canvas
}

/** Near black or near white, whichever is legible on the colour. Luma weights of BT.709. */
function contrastOf(colour: string): string {
  const channel = (at: number) => Number.parseInt(colour.slice(at, at + 2), 16) / 255
  const luma = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
  return luma > 0.4 ? '#0f0a1e' : '#f7f5ff'
}
