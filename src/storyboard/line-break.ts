import { Rules } from '@cto.af/linebreak'

/** A place where a line may end. `isForced` where it must: the author began a new one. */
export interface LineBreak {
  /** The index of the next line's first UTF-16 unit. */
  readonly at: number
  readonly isForced: boolean
}

// "Example 7" is the long form of the rule for numbers, with which the package passes Unicode's own tests.
const rules = new Rules({ example7: true })
const wordsIn = new Intl.Segmenter('und', { granularity: 'word' })
const graphemesIn = new Intl.Segmenter('und', { granularity: 'grapheme' })

/** Scripts that put no spaces between words, and Hangul, whose words are cut nowhere though UAX #14 would allow it. */
const wordwise = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}]$/u
/** Scripts whose words only a dictionary can find; UAX #14 leaves them to it (class SA). */
const dictionaryOnly = /[\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]/u
/** Repetition and abbreviation signs belong to the word before them. */
const trailing = /^[\p{M}\p{Lm}\u0e2f]/u

/**
 * Finds where a text's lines may end, in order; the text's end is the last.
 *
 * By UAX #14 (https://www.unicode.org/reports/tr14/), with words of South-East Asian scripts from a dictionary. Some of
 * its opportunities are not taken: inside a dictionary's word of Chinese, Japanese or Korean, and between equal signs.
 */
export function lineBreaksOf(text: string): LineBreak[] {
  const words = startsOf(wordsIn, text)
  const graphemes = startsOf(graphemesIn, text)
  const forced = new Map<number, boolean>()

  for (const { position, required = false } of rules.breaks(text)) {
    if (required || isGood(text, position, words, graphemes)) forced.set(position, required)
  }
  for (const at of words) {
    const isBetween = dictionaryOnly.test(text[at - 1] ?? '') && dictionaryOnly.test(text[at] ?? '')
    if (isBetween && !trailing.test(text.slice(at))) forced.set(at, false)
  }
  return [...forced].map(([at, isForced]) => ({ at, isForced })).toSorted((a, b) => a.at - b.at)
}

const startsOf = (segmenter: Intl.Segmenter, text: string) =>
  new Set(Array.from(segmenter.segment(text), ({ index }) => index))

function isGood(text: string, at: number, words: Set<number>, graphemes: Set<number>): boolean {
  const before = text.slice(0, at)
  if (/\s$/u.test(before)) return true
  // The package breaks after a zero width joiner, which rule LB8a forbids: 🏳️‍🌈 would come apart.
  if (!graphemes.has(at) || before.endsWith('\u200d')) return false
  if (wordwise.test(before) && !words.has(at)) return false
  // "C++" and "--" stay whole.
  return before.at(-1) !== text[at] || !/^[\p{P}\p{S}]/u.test(text.slice(at))
}
