/**
 * Extracts the outermost `{…}` and `[…]` of a text in order: JSON or a Python dict inside prose or a code fence.
 *
 * Only complete parts count. A bracket that does not close, closes crosswise or contains an ellipsis (`...`) ends the
 * extraction: the rest may be half of a larger answer. Linear in the length of the text.
 */
export function extractBracketed(text: string): readonly string[] {
  const parts: string[] = []
  const closers: string[] = []
  let start = 0
  let before = '' // the last character that is no white space

  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (closers.length > 0) {
      if (isQuote(character) && valueStarters.has(before)) at = closingQuote(text, at)
      if (text.startsWith('...', at)) return parts
    }
    const closer = closerOf[character]
    if (closer) {
      if (closers.length === 0) start = at
      closers.push(closer)
    } else if (isCloser(character) && closers.length > 0) {
      if (closers.pop() !== character) return parts
      if (closers.length === 0) parts.push(text.slice(start, at + 1))
    }
    if (character.trim() !== '') before = character
  }
  return parts
}

const closerOf: Readonly<Record<string, string | undefined>> = { '{': '}', '[': ']' }
const isCloser = (character: string) => character === '}' || character === ']'
const isQuote = (character: string) => character === '"' || character === "'"

/** A quote starts a string after these characters; elsewhere it is an apostrophe or a quote without an escape. */
const valueStarters: ReadonlySet<string> = new Set(['{', '[', ',', ':', '('])

function closingQuote(text: string, opening: number): number {
  const quote = text.charAt(opening)
  for (let at = opening + 1; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === '\\') at += 1
    else if (character === quote) return at
  }
  return text.length
}
