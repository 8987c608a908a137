import { widthOf } from './font.ts'
import { safeAreaOf } from './safe-area.ts'
import type { Size } from './storyboard.ts'
import { balance, graphemesOf, type Measured, type Token, tokensOf, wrap } from './wrap.ts'

/** A word in its place; `x` is its left edge, `y` the middle of its line, in pixels of the video. */
export interface PlacedWord {
  readonly text: string
  readonly x: number
  readonly y: number
  readonly width: number
}

export interface CaptionLayout {
  /** Font size in pixels. */
  readonly size: number
  readonly top: number
  readonly height: number
  readonly words: readonly PlacedWord[]
}

/** Design pixels: multiplied by the safe area's unit. */
const sizes = { largest: 118, smallest: 44, step: 2 }
const maxLines = 4
const lineHeight = 1.16

/**
 * Lays out a caption as large as it can be: at most 4 balanced, centred lines inside the safe area.
 *
 * Words stay whole while any size allows it; only then are those that are wider than a line cut between graphemes.
 * Answers undefined for a text that fits at no size.
 */
export function layOutCaption(text: string, frame: Size): CaptionLayout | undefined {
  const tokens = tokensOf(text)
  return layOut(tokens, frame) ?? layOut(cutWideTokens(tokens, frame), frame)
}

function layOut(tokens: readonly Token[], frame: Size): CaptionLayout | undefined {
  const area = safeAreaOf(frame)
  const measured = measure(tokens)
  const widest = Math.max(...measured.map(({ width }) => width))

  for (let points = sizes.largest; points >= sizes.smallest; points -= sizes.step) {
    const size = points * area.unit
    const limit = area.captionWidth / size
    const lines = wrap(measured, limit).length
    if (widest > limit || lines > maxLines || lines * lineHeight * size > area.captionHeight) continue
    return place(tokens, measured, balance(measured, limit), size, frame)
  }
  return undefined
}

/** Widths for a font size of 1. */
function measure(tokens: readonly Token[]): Measured[] {
  const space = widthOf(' ', 'caption', 1)
  return tokens.map(({ text, glued }) => ({ width: widthOf(text, 'caption', 1), gap: glued ? 0 : space }))
}

function cutWideTokens(tokens: readonly Token[], frame: Size): Token[] {
  const area = safeAreaOf(frame)
  const limit = area.captionWidth / (sizes.smallest * area.unit)
  return tokens.flatMap((token) => (widthOf(token.text, 'caption', 1) > limit ? graphemesOf(token) : [token]))
}

function place(
  tokens: readonly Token[],
  measured: readonly Measured[],
  starts: readonly number[],
  size: number,
  frame: Size,
): CaptionLayout {
  const height = starts.length * lineHeight * size
  const top = safeAreaOf(frame).centreY - height / 2

  const words = starts.flatMap((start, line) => {
    const y = top + (line + 0.5) * lineHeight * size
    const placed: PlacedWord[] = []
    let lineWidth = 0
    for (let index = start; index < (starts[line + 1] ?? tokens.length); index++) {
      const token = tokens[index]
      const { width = 0, gap = 0 } = measured[index] ?? {}
      const before = token?.continues ? placed.pop() : undefined
      if (before === undefined) lineWidth += placed.length > 0 ? gap : 0
      const x = before?.x ?? lineWidth * size
      lineWidth += width
      placed.push({ text: (before?.text ?? '') + (token?.text ?? ''), x, y, width: lineWidth * size - x })
    }

    const left = (frame.width - lineWidth * size) / 2
    return placed.map((word) => ({ ...word, x: left + word.x }))
  })

  return { size, top, height, words }
}
