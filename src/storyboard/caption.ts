import { levelsOf } from './bidi.ts'
import { widthOf } from './font.ts'
import { type LineWord, type Piece, placeLine } from './line.ts'
import { safeAreaOf } from './safe-area.ts'
import type { Size } from './storyboard.ts'
import { balance, collapse, graphemesOf, type Measured, type Token, tokensOf, wrap } from './wrap.ts'

/** A word in its place, or the part of it that has one direction. Pixels of the video. */
export interface PlacedWord extends Piece {
  /** The middle of its line. */
  readonly y: number
}

export interface CaptionLayout {
  /** Font size in pixels. */
  readonly size: number
  readonly top: number
  readonly height: number
  /** In reading order: `x` falls from word to word where they are read from right to left. */
  readonly words: readonly PlacedWord[]
}

/** Design pixels: multiplied by the safe area's unit. */
const sizes = { largest: 118, smallest: 44, step: 2 }
const maxLines = 4
const lineHeight = 1.16
const softHyphen = /\u00ad$/u

/**
 * Lays out a caption as large as it can be: at most 4 balanced, centred lines inside the safe area.
 *
 * Words stay whole while any size allows it; only then are those that are wider than a line cut between graphemes. Lines
 * that the author began are kept while there is room for them. Answers undefined for a text that fits at no size.
 */
export function layOutCaption(text: string, frame: Size): CaptionLayout | undefined {
  const collapsed = collapse(text)
  const levels = levelsOf(collapsed)
  const tokens = tokensOf(collapsed)
  if (tokens.length === 0) return undefined
  const flowing = tokens.map((token) => ({ ...token, beginsLine: false }))
  return (
    layOut(tokens, levels, frame) ??
    layOut(flowing, levels, frame) ??
    layOut(cutWideTokens(flowing, frame), levels, frame)
  )
}

function layOut(tokens: readonly Token[], levels: Uint8Array, frame: Size): CaptionLayout | undefined {
  const area = safeAreaOf(frame)
  const measured = measure(tokens)
  const widest = Math.max(...measured.map(({ width }) => width))

  for (let points = sizes.largest; points >= sizes.smallest; points -= sizes.step) {
    const size = points * area.unit
    const limit = area.captionWidth / size
    const lines = wrap(measured, limit).length
    if (widest > limit || lines > maxLines || lines * lineHeight * size > area.captionHeight) continue
    return place(linesOf(tokens, balance(measured, limit), size), levels, size, frame)
  }
  return undefined
}

/** Widths for a font size of 1. */
function measure(tokens: readonly Token[]): Measured[] {
  const space = widthOf(' ', 'caption', 1)
  const hyphen = widthOf('-', 'caption', 1)
  return tokens.map(({ text, glued, beginsLine = false }) => ({
    width: widthOf(text, 'caption', 1),
    gap: glued ? 0 : space,
    hyphen: softHyphen.test(text) ? hyphen : 0,
    beginsLine,
  }))
}

function cutWideTokens(tokens: readonly Token[], frame: Size): Token[] {
  const area = safeAreaOf(frame)
  const limit = area.captionWidth / (sizes.smallest * area.unit)
  return tokens.flatMap((token) => (widthOf(token.text, 'caption', 1) > limit ? graphemesOf(token) : [token]))
}

/** Joins what is one word again where it came to the same line; a word that a line ends inside shows its hyphen. */
function linesOf(tokens: readonly Token[], starts: readonly number[], size: number): LineWord[][] {
  const space = widthOf(' ', 'caption', size)
  return starts.map((start, line) => {
    const words: LineWord[] = []
    for (const { text, start: at, glued, continues } of tokens.slice(start, starts[line + 1])) {
      const before = continues ? words.pop() : undefined
      if (before === undefined) words.push({ text, start: at, gap: glued ? 0 : space })
      else words.push({ ...before, text: before.text + text })
    }
    const last = words.pop()
    const isCut = tokens[starts[line + 1] ?? tokens.length]?.glued
    if (last === undefined || !isCut) return last === undefined ? words : [...words, last]
    return [...words, { ...last, text: last.text.replace(softHyphen, '-') }]
  })
}

function place(
  lines: readonly (readonly LineWord[])[],
  levels: Uint8Array,
  size: number,
  frame: Size,
): CaptionLayout {
  const height = lines.length * lineHeight * size
  const top = safeAreaOf(frame).centreY - height / 2

  let read = 0
  const words = lines.flatMap((line, index) => {
    const y = top + (index + 0.5) * lineHeight * size
    const { pieces, width } = placeLine(line, levels, 'caption', size)
    const left = (frame.width - width) / 2
    const first = read
    read += line.length
    return pieces.map((piece) => ({ ...piece, x: left + piece.x, y, word: first + piece.word }))
  })

  return { size, top, height, words }
}
