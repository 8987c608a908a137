import { expect, it } from 'vitest'
import { lineBreaksOf } from '../../src/storyboard/line-break.ts'

/** Marks optional line breaks with `|` and forced ones with `¶`. */
function marked(text: string): string {
  let from = 0
  const lines = lineBreaksOf(text).map(({ at, isForced }) => {
    const line = text.slice(from, at)
    from = at
    return line + (at === text.length ? '' : isForced ? '¶' : '|')
  })
  expect(from).toBe(text.length)
  return lines.join('')
}

it.each([
  ['an unbreakable space', 'Le saviez-vous\u00a0? Oui', 'Le |saviez-|vous\u00a0? |Oui'],
  ['a narrow unbreakable space', '10\u202f% de', '10\u202f% |de'],
  ['a word joiner', 'a\u2060b c', 'a\u2060b |c'],
  ['an unbreakable hyphen', 'e\u2011mail now', 'e\u2011mail |now'],
])('no line ends at %s', (_, text, expected) => expect(marked(text)).toBe(expected))

it.each([
  ['after hyphens and slashes', 'well-known and/or', 'well-|known |and/|or'],
  ['around a long dash', 'yes—no', 'yes|—|no'],
  ['at a zero width space', 'a\u200bb', 'a\u200b|b'],
  ['at a soft hyphen', 'Donau\u00addampf', 'Donau\u00ad|dampf'],
  ['not inside a number or an abbreviation', '$1,234.56 e.g. 3-4', '$1,234.56 |e.g. |3-4'],
  ['not between equal signs', 'C++ -- x', 'C++ |-- |x'],
  ['where the author ended one', 'one\ntwo', 'one\n¶two'],
])('lines end %s', (_, text, expected) => expect(marked(text)).toBe(expected))

it.each([
  ['a question mark behind a space', 'vous ? oui', 'vous ? |oui'],
  ['a closing bracket or quote', '« oui » (x) “y” [z]', '« oui » |(x) |“y” |[z]'],
  ['a Japanese full stop or small kana', 'です。「はい」っ', 'です。|「はい」っ'],
])('no line starts with %s', (_, text, expected) => expect(marked(text)).toBe(expected))

it.each([
  ['Thai, by a dictionary', 'สวัสดีครับผม', 'สวัสดี|ครับ|ผม'],
  ['Thai, with the repetition sign', 'ต่างๆ', 'ต่างๆ'],
  ['Japanese, by words', '日本語の文章', '日本語|の|文章'],
  ['Korean, at spaces', '한국어 문장입니다', '한국어 |문장입니다'],
  ['emoji, between clusters', '🏳️‍🌈👩🏽‍🚀🇩🇪🇫🇷', '🏳️‍🌈|👩🏽‍🚀|🇩🇪|🇫🇷'],
])('lines may end within %s', (_, text, expected) => expect(marked(text)).toBe(expected))
