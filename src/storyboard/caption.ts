import { levelsOf } from './bidi.ts'
import { widthOf } from './font.ts'
import { type LineWord, layOutLine, type TextPiece } from './line.ts'
import { safeAreaOf } from './safe-area.ts'
import type { Size } from './storyboard.ts'
import {
  balance,
  collapseWhitespace,
  graphemesOf,
  type MeasuredWord,
  type Token,
  tokensOf,
  wrap,
} from './wrap.ts'

/** A word with its position, or the part of a word with one direction. In pixels of the video. */
export interface PlacedWord extends TextPiece {
  /** The vertical middle of the line. */
  readonly y: number
}

export interface CaptionLayout {
  /** Font size in pixels. */
  readonly size: number
  readonly top: number
  readonly height: number
  /** In reading order: `x` decreases in text that is read from right to left. */
  readonly words: readonly PlacedWord[]
}

/** Font sizes in design pixels, which are multiplied by the safe area's unit. */
const fontSizes = { max: 118, min: 44, step: 2 }
const maxLines = 4
const lineHeight = 1.16
const softHyphen = /\u00ad$/u

/**
 * Lays out a caption at the largest font size that fits: at most 4 balanced, centred lines inside the safe area.
 *
 * The author's line breaks are kept if they fit. Words are cut between graphemes only if no size fits them whole. Returns
 * undefined for a text that fits at no size.
 */
export function layOutCaption(text: string, frame: Size): CaptionLayout | undefined {
  const collapsed = collapseWhitespace(text)
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

  for (let points = fontSizes.max; points >= fontSizes.min; points -= fontSizes.step) {
    const size = points * area.unit
    const limit = area.captionWidth / size
    const lines = wrap(measured, limit).length
    if (widest > limit || lines > maxLines || lines * lineHeight * size > area.captionHeight) continue
    return positionLines(linesOf(tokens, balance(measured, limit), size), levels, size, frame)
  }
  return undefined
}

/** Widths for a font size of 1. */
function measure(tokens: readonly Token[]): MeasuredWord[] {
  const space = widthOf(' ', 'caption', 1)
  const hyphen = widthOf('-', 'caption', 1)
  return tokens.map(({ text, isGlued, beginsLine = false }) => ({
    width: widthOf(text, 'caption', 1),
    gap: isGlued ? 0 : space,
    hyphen: softHyphen.test(text) ? hyphen : 0,
    beginsLine,
  }))
}

function cutWideTokens(tokens: readonly Token[], frame: Size): Token[] {
  const area = safeAreaOf(frame)
  const limit = area.captionWidth / (fontSizes.min * area.unit)
  return tokens.flatMap((token) => (widthOf(token.text, 'caption', 1) > limit ? graphemesOf(token) : [token]))
}

/** Joins the parts of a word that are on the same line. A word that is split over two lines gets its hyphen. */
function linesOf(tokens: readonly Token[], starts: readonly number[], size: number): LineWord[][] {
  const space = widthOf(' ', 'caption', size)
  return starts.map((start, line) => {
    const words: LineWord[] = []
    for (const { text, start: at, isGlued, continues } of tokens.slice(start, starts[line + 1])) {
      const before = continues ? words.pop() : undefined
      if (before === undefined) words.push({ text, start: at, gap: isGlued ? 0 : space })
      else words.push({ ...before, text: before.text + text })
    }
    const last = words.pop()
    const isCut = tokens[starts[line + 1] ?? tokens.length]?.isGlued
    if (last === undefined || !isCut) return last === undefined ? words : [...words, last]
    return [...words, { ...last, text: last.text.replace(softHyphen, '-') }]
  })
}

function positionLines(
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
    const { pieces, width } = layOutLine(line, levels, 'caption', size)
    const left = (frame.width - width) / 2
    const first = read
    read += line.length
    return pieces.map((piece) => ({ ...piece, x: left + piece.x, y, word: first + piece.word }))
  })

  return { size, top, height, words }
}
