import { levelsOf, visualOrder } from './bidi.ts'
import { type Face, widthOf } from './font.ts'

const graphemesIn = new Intl.Segmenter('und', { granularity: 'grapheme' })

/** A part of a word with one direction. `x` is its left edge, in pixels from the left edge of the line. */
export interface TextPiece {
  readonly text: string
  readonly x: number
  readonly width: number
  /** Written from right to left. */
  readonly isRtl: boolean
  /** The index of its word. A word with letters of both directions has several pieces. */
  readonly word: number
}

export interface LineWord {
  readonly text: string
  /** Index of its first UTF-16 unit in the text of the embedding levels. */
  readonly start: number
  /** Width of the space before it, in pixels. */
  readonly gap: number
}

/** Positions the words of a line. Pieces are in reading order; their `x` follows UAX #9. */
export function layOutLine(
  words: readonly LineWord[],
  levels: Uint8Array,
  face: Face,
  size: number,
): { readonly pieces: readonly TextPiece[]; readonly width: number } {
  const items = words.flatMap(({ text, start, gap }, word) => {
    const parts = partsOf(text, start, levels).map((part) => ({
      ...part,
      width: widthOf(part.text, face, size),
      word,
    }))
    const space = { text: '', level: levels[start - 1] ?? 0, width: gap, word }
    return word > 0 && gap > 0 ? [space, ...parts] : parts
  })

  const positions: number[] = []
  let x = 0
  for (const index of visualOrder(items.map(({ level }) => level))) {
    positions[index] = x
    x += items[index]?.width ?? 0
  }
  const pieces = items.flatMap(({ text, level, width, word }, index) =>
    text === '' ? [] : [{ text, x: positions[index] ?? 0, width, isRtl: level % 2 === 1, word }],
  )
  return { pieces, width: x }
}

/** Lays out a text on one line. */
export const layOutLabel = (text: string, face: Face, size: number) =>
  layOutLine([{ text, start: 0, gap: 0 }], levelsOf(text), face, size)

/** Splits a word where its embedding level changes, which is never inside a grapheme. */
function partsOf(word: string, start: number, levels: Uint8Array): { text: string; level: number }[] {
  const parts: { text: string; level: number }[] = []
  for (const { segment, index } of graphemesIn.segment(word)) {
    const level = levels[start + index] ?? 0
    const last = parts.at(-1)
    if (last?.level === level) last.text += segment
    else parts.push({ text: segment, level })
  }
  return parts
}
