/**
 * The outermost `{…}` and `[…]` of a text, in order: where JSON, or a Python dict, may stand in prose or in a code fence.
 *
 * Only whole ones. From the first bracket that never closes, closes crosswise or leaves something out (`...`), nothing is
 * taken any more, nor from its inside: what stands there may be half of a larger answer. Linear in the text's length.
 */
export function extractBracketed(text: string): readonly string[] {
  const parts: string[] = []
  const closers: string[] = []
  let start = 0
  let before = '' // the last character that is not space

  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (closers.length > 0) {
      if (isQuote(character) && beginners.has(before)) at = closingQuote(text, at)
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

/** After these a quote begins a string; elsewhere it is an apostrophe, or a quote that somebody forgot to escape. */
const beginners: ReadonlySet<string> = new Set(['{', '[', ',', ':', '('])

function closingQuote(text: string, opening: number): number {
  const quote = text.charAt(opening)
  for (let at = opening + 1; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === '\\') at += 1
    else if (character === quote) return at
  }
  return text.length
}
