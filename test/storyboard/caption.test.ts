import { describe, expect, it } from 'vitest'
import { type CaptionLayout, layOutCaption } from '../../src/storyboard/caption.ts'
import { widthOf } from '../../src/storyboard/font.ts'
import { safeAreaOf } from '../../src/storyboard/safe-area.ts'
import { balance, collapseWhitespace, tokensOf, wrap } from '../../src/storyboard/wrap.ts'

const phone = { width: 1080, height: 1920 }

function laidOut(text: string, size = phone): CaptionLayout {
  const layout = layOutCaption(text, size)
  if (layout === undefined) throw new Error(`"${text}" fits no layout`)
  return layout
}

function linesOf({ words }: CaptionLayout): string[] {
  const lines = Map.groupBy(words, ({ y }) => y)
  return [...lines.values()].map((line) => line.map(({ text }) => text).join(' '))
}

describe('layOutCaption', () => {
  it('uses the largest font size for few words and a smaller one for many', () => {
    expect(laidOut('Three hearts').size).toBe(118)
    const long = laidOut(
      'Two of the three hearts move blood through the gills while one keeps it going around the body',
    )
    expect(long.size).toBeLessThan(118)
    expect(long.size).toBeGreaterThanOrEqual(44)
  })

  it.each([phone, { width: 360, height: 640 }, { width: 1920, height: 1080 }, { width: 1080, height: 1080 }])(
    'stays inside the safe area of $width x $height',
    (size) => {
      const { side, top, bottom } = safeAreaOf(size)
      const layout = laidOut('Copper carries their oxygen instead of iron, and it is blue 💙', size)
      for (const { x, width } of layout.words) {
        expect(x).toBeGreaterThanOrEqual(side - 0.01)
        expect(x + width).toBeLessThanOrEqual(size.width - side + 0.01)
      }
      expect(layout.top).toBeGreaterThan(top)
      expect(layout.top + layout.height).toBeLessThan(size.height - bottom)
    },
  )

  it('scales with the picture', () => {
    const small = laidOut('Three hearts and blue blood', { width: 540, height: 960 })
    expect(small.size).toBe(59)
    expect(linesOf(small)).toEqual(linesOf(laidOut('Three hearts and blue blood')))
  })

  it('cuts a word between graphemes only when it is wider than a line at every size', () => {
    expect(linesOf(laidOut('Electroencephalograph'))).toEqual(['Electroencephalograph'])
    const address = 'https://example.com/a-very-long-address-that-goes-on-and-on'
    const lines = linesOf(laidOut(address))
    expect(lines.length).toBeGreaterThan(1)
    expect(lines.join('')).toBe(address)
  })

  it('returns undefined for a text that fits at no size', () => {
    expect(layOutCaption('word '.repeat(120), phone)).toBeUndefined()
    expect(layOutCaption('w'.repeat(120), phone)).toBeUndefined()
  })
})

describe('a caption that is read from right to left', () => {
  const linesByWord = (text: string) => [...Map.groupBy(laidOut(text).words, ({ y }) => y).values()]

  it('has the first word of every line at the right and the words in reading order', () => {
    const lines = linesByWord('לתמנון יש שלושה לבבות')
    expect(lines.map((line) => line.map(({ text }) => text))).toEqual([
      ['לתמנון', 'יש'],
      ['שלושה', 'לבבות'],
    ])
    for (const [first, second] of lines) {
      expect(first?.isRtl && second?.isRtl).toBe(true)
      expect(first?.x).toBeCloseTo((second?.x ?? 0) + (second?.width ?? 0) + widthOf(' ', 'caption', 118), 1)
    }
    expect(lines.flat().map(({ word }) => word)).toEqual([0, 1, 2, 3])
  })

  it('has the direction of its first strong character, also after an emoji', () => {
    const [first, second] = laidOut('🐙 שלום').words
    expect(first?.text).toBe('🐙')
    expect(first?.x).toBeGreaterThan(second?.x ?? Number.NaN)
    const [latin, hebrew] = laidOut('🐙 hi שלום').words
    expect(latin?.x).toBeLessThan(hebrew?.x ?? Number.NaN)
  })

  it('splits a word with two directions into parts that are highlighted together', () => {
    const words = laidOut('a b-אב גד c').words
    expect(words.toSorted((a, b) => a.x - b.x).map(({ text }) => text)).toEqual(['a', 'b-', 'גד', 'אב', 'c'])
    expect(words.map(({ word }) => word)).toEqual([0, 1, 1, 2, 3])
  })
})

describe('the lines of a caption', () => {
  it('keep the author’s line breaks if they fit', () => {
    expect(linesOf(laidOut('One\nmore thing'))).toEqual(['One', 'more thing'])
    expect(linesOf(laidOut('a\nb\nc\nd\ne'))).toEqual(['a b c d e'])
  })

  it('show a soft hyphen only at their end', () => {
    const words = laidOut('Donau\u00addampf\u00adschiff').words.map(({ text }) => text)
    expect(words).toEqual(['Donau-', 'dampf\u00adschiff'])
  })

  it('never end at an unbreakable space', () => {
    const lines = linesOf(laidOut(`${'w'.repeat(20)}\u00a0${'w'.repeat(20)}`))
    expect(lines.length).toBeGreaterThan(1)
    for (const line of lines) expect(line).not.toMatch(/^\u00a0|\u00a0$/)
  })
})

describe('tokensOf', () => {
  it('splits at any white space', () => {
    expect(tokensOf(collapseWhitespace('  one\ttwo\nthree ')).map(({ text }) => text)).toEqual([
      'one',
      'two',
      'three',
    ])
  })

  it('splits Japanese into words with their brackets and full stops', () => {
    const tokens = tokensOf('「日本語」の文章です。')
    expect(tokens.length).toBeGreaterThan(2)
    expect(tokens[0]).toMatchObject({ text: '「日本語」', isGlued: false })
    expect(tokens.slice(1).every(({ isGlued, continues }) => isGlued && !continues)).toBe(true)
    expect(tokens.at(-1)?.text.endsWith('。')).toBe(true)
    expect(tokens.map(({ text }) => text).join('')).toBe('「日本語」の文章です。')
  })

  it('makes no token of invisible characters', () => {
    expect(tokensOf(collapseWhitespace('a \u200b \u200e b')).map(({ text }) => text)).toEqual(['a', 'b'])
  })
})

describe('balance', () => {
  it('leaves no orphan where two even lines are possible', () => {
    const words = Array(6).fill({ width: 2, gap: 1 })
    expect(wrap(words, 14)).toEqual([0, 5])
    expect(balance(words, 14)).toEqual([0, 3])
  })
})
