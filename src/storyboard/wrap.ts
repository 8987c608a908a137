/** A piece of text that stays on one line. */
export interface Token {
  readonly text: string
  /** Follows the token before it without a space. */
  readonly glued: boolean
  /** Goes on with the word that the token before it began. */
  readonly continues?: boolean
}

// Scripts that put no spaces between words, so a line may end inside what looks like one word.
const spaceless = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]/u
const opening = /^[\p{Ps}\p{Pi}]+$/u
const closing = /^[[\p{P}\p{S}]--[\p{Ps}\p{Pi}\p{So}]]+$/v

const wordsIn = new Intl.Segmenter('und', { granularity: 'word' })
const graphemesIn = new Intl.Segmenter('und', { granularity: 'grapheme' })

/** Cuts a text into words: at spaces, and inside scripts that have none where a dictionary says so. */
export function tokensOf(text: string): Token[] {
  return text
    .trim()
    .split(/\s+/u)
    .flatMap((chunk) => (spaceless.test(chunk) ? dictionaryWords(chunk) : [{ text: chunk, glued: false }]))
}

/** A word's graphemes, for a word that is wider than any line: an address, say. */
export function graphemesOf(token: Token): Token[] {
  return Array.from(graphemesIn.segment(token.text), ({ segment }, index) => ({
    text: segment,
    glued: index > 0 || token.glued,
    continues: index > 0,
  }))
}

function dictionaryWords(chunk: string): Token[] {
  const words: string[] = []
  let lead = ''
  for (const { segment } of wordsIn.segment(chunk)) {
    // A line neither ends with an opening bracket nor begins with a full stop.
    if (opening.test(segment)) lead += segment
    else if (closing.test(segment) && lead === '' && words.length > 0) words.push(words.pop() + segment)
    else {
      words.push(lead + segment)
      lead = ''
    }
  }
  if (lead !== '') words.push(lead)
  return words.map((text, index) => ({ text, glued: index > 0 }))
}

/** The words' widths and the gap before each, all in the same unit. */
export interface Measured {
  readonly width: number
  readonly gap: number
}

/** Fills lines from the left; answers the index of the first word of each line. A word wider than the limit overflows. */
export function wrap(words: readonly Measured[], limit: number): number[] {
  const starts: number[] = []
  let used = 0
  words.forEach(({ width, gap }, index) => {
    if (index > 0 && used + gap + width <= limit) used += gap + width
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
  let tooNarrow = Math.max(...words.map(({ width }) => width)) - 1
  let wideEnough = limit
  for (let step = 0; step < 16; step++) {
    const middle = (tooNarrow + wideEnough) / 2
    if (wrap(words, middle).length <= lines && middle > tooNarrow) wideEnough = middle
    else tooNarrow = middle
  }
  return wrap(words, wideEnough)
}
