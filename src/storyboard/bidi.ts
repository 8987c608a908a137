import bidiFactory, { type BidiCharTypeName } from 'bidi-js'

// The package is CommonJS whose export is the factory itself; its types speak of a module's default.
const bidi = (bidiFactory as unknown as typeof bidiFactory.default)()

// bidi-js looks at UTF-16 units one by one and takes surrogates for Latin letters. Each pair is replaced by two
// characters of its own class; all classes that occur beyond U+FFFF are here.
const standIns: Partial<Record<BidiCharTypeName, string>> = {
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

function standInOf(character: string): string {
  // Pictographs have code points in reserve, which a table of an older Unicode takes for letters.
  if (/\p{Extended_Pictographic}/u.test(character)) return '\u2605\u2605'
  return standIns[bidi.getBidiCharTypeName(character)] ?? 'aa'
}

/**
 * The embedding level of each UTF-16 unit: odd ones are written from right to left.
 *
 * Every paragraph, as `\n` ends it, has the direction of its first strong character. Rules P1 to I2 of UAX #9,
 * https://www.unicode.org/reports/tr9/
 */
export function levelsOf(text: string): Uint8Array {
  const inUnits = text.replace(/[\u{10000}-\u{10ffff}]/gu, standInOf)
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
