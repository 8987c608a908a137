import { createCanvas, type SKRSContext2D } from '@napi-rs/canvas'
import { expect, it } from 'vitest'
import { drawLabel } from '../../../../src/providers/video/local/sprite.ts'
import { fontOf } from '../../../../src/storyboard/font.ts'

const size = { width: 900, height: 80 }

function inkOf(draw: (pen: SKRSContext2D) => void): Uint8ClampedArray {
  const pen = createCanvas(size.width, size.height).getContext('2d')
  pen.fillStyle = '#fff'
  draw(pen)
  const { data } = pen.getImageData(0, 0, size.width, size.height)
  return data.filter((_, index) => index % 4 === 3)
}

/** The share of one picture's ink that the other one does not have at the same pixels. */
function inkDifference(ink: Uint8ClampedArray, other: Uint8ClampedArray): number {
  const total = ink.reduce((sum, alpha) => sum + alpha, 0)
  return ink.reduce((sum, alpha, index) => sum + Math.abs(alpha - (other[index] ?? 0)), 0) / 2 / total
}

/** Skia lays out a whole line by UAX #9 itself: the reference for pieces that are drawn one by one. */
it.each([
  ['rtl', 'לתמנון יש שלושה לבבות'],
  ['rtl', 'לתמנון (Octopus) יש 3.5 לבבות, abc!'],
  ['rtl', 'للأخطبوط ثلاثة (٣) قلوب: 1, 2'],
  ['ltr', 'The word שלום (עולם) means 3 שבוע, or so?'],
  ['ltr', 'a b-אב גד c'],
  ['rtl', 'אב [x] {גד} <ab> 10% 12:30'],
  ['rtl', 'שלום \u2066abc (אב)\u2069 גד'],
] as const)('a line drawn in pieces (%s) looks like the line drawn at once: %s', (direction, text) => {
  const atOnce = inkOf((pen) => {
    Object.assign(pen, { font: fontOf('label', 40), direction, textAlign: 'center', textBaseline: 'middle' })
    pen.fillText(text, size.width / 2, size.height / 2)
  })
  const inPieces = inkOf((pen) => drawLabel(pen, text, 40, size.width / 2, size.height / 2))
  // Edges differ by fractions of a pixel; with another order of words only about a third of the ink is the same.
  expect(inkDifference(atOnce, inPieces)).toBeLessThan(0.1)
})
