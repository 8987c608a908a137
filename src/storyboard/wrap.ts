import { lineBreaksOf } from './line-break.ts'
import { hasVisible } from './visible.ts'

/** A piece of text that stays on one line. */
export interface Token {
  readonly text: string
  /** Its first UTF-16 unit in the caption, as `collapse` leaves it. */
  readonly start: number
  /** Follows the token before it without a space. */
  readonly glued: boolean
  /** Goes on with the word that the token before it began. */
  readonly continues?: boolean
  /** Begins a line, because the author began one. */
  readonly beginsLine?: boolean
}

// Scripts that put no spaces between words, so a line may end inside what looks like one word.
const spaceless = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]/u
// All white space but U+00A0, U+2007 and U+202F, which are there so that no line ends at them.
const space = String.raw`[\s--[\u00a0\u2007\u202f\ufeff]]`
// A zero width space beside others would only hide them from the end of a line.
const spaces = new RegExp(`\\u200b*(?:${space}\\u200b*)+`, 'gv')
const outerSpaces = new RegExp(`^${space}+|${space}+$`, 'gv')

const graphemesIn = new Intl.Segmenter('und', { granularity: 'grapheme' })

/** Leaves one space, or one line feed, where there is white space. */
export function collapse(text: string): string {
  return text
    .replace(outerSpaces, '')
    .replace(spaces, (found) => (/[\n\r\u2028\u2029]/u.test(found) ? '\n' : ' '))
}

/** Cuts a collapsed text where lines may end. What cannot be seen makes no token of its own. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  let from = 0
  let end = 0
  let beginsLine = false
  for (const { at, isForced } of lineBreaksOf(text)) {
    const word = text.slice(from, at).replace(outerSpaces, '')
    if (hasVisible(word)) {
      const glued = tokens.length > 0 && !/[ \n]/u.test(text.slice(end, from))
      const continues = glued && !spaceless.test(`${tokens.at(-1)?.text}${word}`)
      tokens.push({ text: word, start: from, glued, continues, beginsLine })
      beginsLine = false
      end = from + word.length
    }
    beginsLine ||= isForced
    from = at
  }
  return tokens
}

const unbroken = /[\u00a0\u2007\u202f\u2060\ufeff\u2011]/u

/** A word's graphemes, for a word that is wider than any line: an address, say. */
export function graphemesOf(token: Token): Token[] {
  const parts: { text: string; index: number }[] = []
  for (const { segment, index } of graphemesIn.segment(token.text)) {
    const last = parts.at(-1)
    if (last !== undefined && isBound(last.text, segment)) last.text += segment
    else parts.push({ text: segment, index })
  }
  return parts.map(({ text, index }) =>
    index === 0 ? { ...token, text } : { text, start: token.start + index, glued: true, continues: true },
  )
}

/** Even in need no line ends at an unbreakable space or behind an opening bracket, nor begins with a full stop. */
function isBound(before: string, after: string): boolean {
  if (unbroken.test(before.at(-1) ?? '') || unbroken.test(after)) return true
  if (/[\p{Ps}\p{Pi}]$/u.test(before)) return true
  return /^[\p{Pe}\p{Pf}\p{Po}]/u.test(after) && !/\p{P}$/u.test(before)
}

/** A word's width and the gap before it, in one unit. */
export interface Measured {
  readonly width: number
  readonly gap: number
  /** The width of the hyphen that it gets at the end of a line. */
  readonly hyphen?: number
  readonly beginsLine?: boolean
}

/** Fills lines from the left; answers the index of the first word of each line. A word wider than the limit overflows. */
export function wrap(words: readonly Measured[], limit: number): number[] {
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

/** Wraps into as few lines as the limit allows, but evenly: the narrowest limit with that many lines leaves no orphan. */
export function balance(words: readonly Measured[], limit: number): number[] {
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
