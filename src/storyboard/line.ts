import { levelsOf, visualOrder } from './bidi.ts'
import { type Face, widthOf } from './font.ts'

const graphemesIn = new Intl.Segmenter('und', { granularity: 'grapheme' })

/** A part of one word, of one direction, in its place; `x` is its left edge from the line's, in pixels. */
export interface Piece {
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
  /** Its first UTF-16 unit in the text that `levels` are of. */
  readonly start: number
  /** The space before it, in pixels. */
  readonly gap: number
}

/** Puts a line's words where they are read: pieces in reading order, whose `x` follow UAX #9. */
export function placeLine(
  words: readonly LineWord[],
  levels: Uint8Array,
  face: Face,
  size: number,
): { readonly pieces: readonly Piece[]; readonly width: number } {
  const items = words.flatMap(({ text, start, gap }, word) => {
    const parts = partsOf(text, start, levels).map((part) => ({
      ...part,
      width: widthOf(part.text, face, size),
      word,
    }))
    const space = { text: '', level: levels[start - 1] ?? 0, width: gap, word }
    return word > 0 && gap > 0 ? [space, ...parts] : parts
  })

  const places: number[] = []
  let x = 0
  for (const index of visualOrder(items.map(({ level }) => level))) {
    places[index] = x
    x += items[index]?.width ?? 0
  }
  const pieces = items.flatMap(({ text, level, width, word }, index) =>
    text === '' ? [] : [{ text, x: places[index] ?? 0, width, isRtl: level % 2 === 1, word }],
  )
  return { pieces, width: x }
}

/** Lays out a text that has one line for itself. */
export const placeLabel = (text: string, face: Face, size: number) =>
  placeLine([{ text, start: 0, gap: 0 }], levelsOf(text), face, size)

/** Cuts a word where its embedding level changes, which is never inside a grapheme. */
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
