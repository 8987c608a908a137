import bidiFactory, { type BidiCharTypeName } from 'bidi-js'

// The package is CommonJS and exports the factory itself, but its types declare a default export.
const bidi = (bidiFactory as unknown as typeof bidiFactory.default)()

// bidi-js reads single UTF-16 units and treats surrogates as Latin letters. Each pair is replaced by two characters of its
// class. These are all classes that occur beyond U+FFFF.
const replacements: Partial<Record<BidiCharTypeName, string>> = {
  R: '\u05d0\u05d0',
  AL: '\u0627\u0627',
  EN: '00',
  AN: '\u0660\u0660',
  ES: '++',
  ET: '##',
  NSM: '\u0300\u0300',
  BN: '\u00ad\u00ad',
  ON: '\u2605\u2605',
}

function replacementOf(character: string): string {
  // Reserved code points of pictographs are letters in tables of an older Unicode version.
  if (/\p{Extended_Pictographic}/u.test(character)) return '\u2605\u2605'
  return replacements[bidi.getBidiCharTypeName(character)] ?? 'aa'
}

/**
 * The embedding level of each UTF-16 unit: odd levels are written from right to left.
 *
 * A paragraph ends at `\n` and has the direction of its first strong character. Rules P1 to I2 of UAX #9,
 * https://www.unicode.org/reports/tr9/
 */
export function levelsOf(text: string): Uint8Array {
  const inUnits = text.replace(/[\u{10000}-\u{10ffff}]/gu, replacementOf)
  return bidi.getEmbeddingLevels(inUnits, 'auto').levels
}

/** The indices of a line's items from left to right, given the level of each in reading order. Rule L2 of UAX #9. */
export function visualOrder(levels: readonly number[]): number[] {
  const order = levels.map((_, index) => index)
  const isWithin = (at: number, level: number) => (levels[order[at] ?? -1] ?? 0) >= level

  for (let level = Math.max(0, ...levels); level > 0; level--) {
    for (let from = 0; from < order.length; from++) {
      let to = from
      while (isWithin(to, level)) to++
      if (to > from) order.splice(from, to - from, ...order.slice(from, to).reverse())
      from = to
    }
  }
  return order
}
