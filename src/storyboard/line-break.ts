import { Rules } from '@cto.af/linebreak'

/** A position where a line may end. `isForced`: the author's own line break. */
export interface LineBreak {
  /** The index of the next line's first UTF-16 unit. */
  readonly at: number
  readonly isForced: boolean
}

// "Example 7" is the extended rule for numbers, with which the package passes Unicode's tests.
const rules = new Rules({ example7: true })
const wordsIn = new Intl.Segmenter('und', { granularity: 'word' })
const graphemesIn = new Intl.Segmenter('und', { granularity: 'grapheme' })

/** Scripts without spaces between words, and Hangul, whose words are not cut although UAX #14 allows it. */
const wordwise = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}]$/u
/** Scripts whose words only a dictionary can find (class SA of UAX #14). */
const dictionaryOnly = /[\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]/u
/** Repetition and abbreviation signs belong to the word before them. */
const trailing = /^[\p{M}\p{Lm}\u0e2f]/u

/**
 * Finds the positions where lines may end, in order; the last one is the end of the text.
 *
 * Follows UAX #14 (https://www.unicode.org/reports/tr14/), with a dictionary for words of South-East Asian scripts. It does
 * not break inside Chinese, Japanese or Korean words of the dictionary, or between equal signs.
 */
export function lineBreaksOf(text: string): LineBreak[] {
  const words = startsOf(wordsIn, text)
  const graphemes = startsOf(graphemesIn, text)
  const breaks = new Map<number, boolean>()

  for (const { position, required = false } of rules.breaks(text)) {
    if (required || isUsableBreak(text, position, words, graphemes)) breaks.set(position, required)
  }
  for (const at of words) {
    const isBetween = dictionaryOnly.test(text[at - 1] ?? '') && dictionaryOnly.test(text[at] ?? '')
    if (isBetween && !trailing.test(text.slice(at))) breaks.set(at, false)
  }
  return [...breaks].map(([at, isForced]) => ({ at, isForced })).toSorted((a, b) => a.at - b.at)
}

const startsOf = (segmenter: Intl.Segmenter, text: string) =>
  new Set(Array.from(segmenter.segment(text), ({ index }) => index))

function isUsableBreak(text: string, at: number, words: Set<number>, graphemes: Set<number>): boolean {
  const before = text.slice(0, at)
  if (/\s$/u.test(before)) return true
  // The package breaks after a zero width joiner, which rule LB8a forbids: 🏳️‍🌈 would be split.
  if (!graphemes.has(at) || before.endsWith('\u200d')) return false
  if (wordwise.test(before) && !words.has(at)) return false
  // "C++" and "--" are not split.
  return before.at(-1) !== text[at] || !/^[\p{P}\p{S}]/u.test(text.slice(at))
}
