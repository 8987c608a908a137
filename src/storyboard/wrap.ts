import { lineBreaksOf } from './line-break.ts'
import { hasVisible } from './visible.ts'

/** A part of a text that is not broken over lines. */
export interface Token {
  readonly text: string
  /** Index of its first UTF-16 unit in the caption after `collapseWhitespace`. */
  readonly start: number
  /** No space separates it from the token before. */
  readonly isGlued: boolean
  /** Continues the word of the token before. */
  readonly continues?: boolean
  /** Starts a line because of the author's line break. */
  readonly beginsLine?: boolean
}

// Scripts without spaces between words: a line may end inside what looks like one word.
const spaceless = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]/u
// All white space except the non-breaking spaces U+00A0, U+2007 and U+202F.
const space = String.raw`[\s--[\u00a0\u2007\u202f\ufeff]]`
// Includes zero width spaces: beside other spaces they would keep those from being trimmed at the end of a line.
const spaces = new RegExp(`\\u200b*(?:${space}\\u200b*)+`, 'gv')
const outerSpaces = new RegExp(`^${space}+|${space}+$`, 'gv')

const graphemesIn = new Intl.Segmenter('und', { granularity: 'grapheme' })

/** Replaces each white space by one space, or by one line feed if it contains a line break. */
export function collapseWhitespace(text: string): string {
  return text
    .replace(outerSpaces, '')
    .replace(spaces, (found) => (/[\n\r\u2028\u2029]/u.test(found) ? '\n' : ' '))
}

/** Splits a collapsed text where lines may end. Invisible text makes no token. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  let from = 0
  let end = 0
  let beginsLine = false
  for (const { at, isForced } of lineBreaksOf(text)) {
    const word = text.slice(from, at).replace(outerSpaces, '')
    if (hasVisible(word)) {
      const isGlued = tokens.length > 0 && !/[ \n]/u.test(text.slice(end, from))
      const continues = isGlued && !spaceless.test(`${tokens.at(-1)?.text}${word}`)
      tokens.push({ text: word, start: from, isGlued, continues, beginsLine })
      beginsLine = false
      end = from + word.length
    }
    beginsLine ||= isForced
    from = at
  }
  return tokens
}

const unbroken = /[\u00a0\u2007\u202f\u2060\ufeff\u2011]/u

/** Splits a word that is wider than a line, such as a URL, into its graphemes. */
export function graphemesOf(token: Token): Token[] {
  const parts: { text: string; index: number }[] = []
  for (const { segment, index } of graphemesIn.segment(token.text)) {
    const last = parts.at(-1)
    if (last !== undefined && isUnbreakable(last.text, segment)) last.text += segment
    else parts.push({ text: segment, index })
  }
  return parts.map(({ text, index }) =>
    index === 0 ? { ...token, text } : { text, start: token.start + index, isGlued: true, continues: true },
  )
}

/** No line ends at an unbreakable space or after an opening bracket, or starts with a full stop, even inside a cut word. */
function isUnbreakable(before: string, after: string): boolean {
  if (unbroken.test(before.at(-1) ?? '') || unbroken.test(after)) return true
  if (/[\p{Ps}\p{Pi}]$/u.test(before)) return true
  return /^[\p{Pe}\p{Pf}\p{Po}]/u.test(after) && !/\p{P}$/u.test(before)
}

/** The width of a word and of the gap before it, in the same unit. */
export interface MeasuredWord {
  readonly width: number
  readonly gap: number
  /** The width of the hyphen that it gets at the end of a line, if any. */
  readonly hyphen?: number
  readonly beginsLine?: boolean
}

/** Fills lines greedily and returns the index of the first word of each. A word wider than the limit overflows. */
export function wrap(words: readonly MeasuredWord[], limit: number): number[] {
  const starts: number[] = []
  let used = 0
  words.forEach(({ width, gap, hyphen = 0, beginsLine = false }, index) => {
    if (index > 0 && !beginsLine && used + gap + width + hyphen <= limit) used += gap + width
    else {
      starts.push(index)
      used = width
    }
  })
  return starts
}

/** Wraps into the fewest lines and balances them, by the narrowest limit that needs no more lines. */
export function balance(words: readonly MeasuredWord[], limit: number): number[] {
  const lines = wrap(words, limit).length
  let tooNarrow = Math.max(...words.map(({ width, hyphen = 0 }) => width + hyphen)) - 1
  let wideEnough = limit
  for (let step = 0; step < 16; step++) {
    const middle = (tooNarrow + wideEnough) / 2
    if (wrap(words, middle).length <= lines && middle > tooNarrow) wideEnough = middle
    else tooNarrow = middle
  }
  return wrap(words, wideEnough)
}
