import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { maxRawBytes, readAnswer } from '../../src/providers/read-answer.ts'

const task = z.object({ id: z.string(), done: z.boolean(), note: z.string().nullable() })
const id = '7312345678901234567'
const value = { id, done: true, note: null }

describe('an answer is read', () => {
  test.each([
    ['exact', `{"id":${id},"done":true,"note":null}`],
    ['exact', ` {"id":"${id}","done":true,"note":null,"more":[1]}\n`],
    ['extracted', `Sure! Here it is: {"id": ${id}, "done": true, "note": null} Anything else?`],
    ['extracted', `\`\`\`json\n{"id":"${id}","done":true,"note":null}\n\`\`\``],
    ['extracted', `It's done [see above], ${JSON.stringify(value)}.`],
    ['extracted', `${JSON.stringify(value)} and once more ${JSON.stringify(value)}`],
    ['repaired', `{'id': ${id}, 'done': True, 'note': None}`],
    ['repaired', `{'id': '${id}', 'done': True, 'note': None,}`],
    ['repaired', `The task: {'id': ${id}, 'done': True, 'note': None}.`],
    ['repaired', `{"id":${id},"done":true,"note":null,}`],
    ['repaired', `{id: ${id}, done: true, note: null}`],
    ['repaired', `{\\"id\\":${id},\\"done\\":true,\\"note\\":null}`],
    ['repaired', `{"id":${id} "done":true, "note":null}`],
  ])('as %s: %s', (how, text) => {
    expect(readAnswer(text, task)).toEqual({ kind: 'read', value, how })
  })

  test.each([
    [String.raw`{'text': 'it\'s \xa0 and \U0001f600, \\x41, \d'}`, "it's \u00a0 and \u{1f600}, \\x41, \\d"],
    [`{'text': "it's"}`, "it's"],
    [`{'text': 'a } in "it"'}`, 'a } in "it"'],
    [`{'text': 'to be continued...'}`, 'to be continued...'],
  ])('with the text of the Python literal: %s', (text, expected) => {
    const read = readAnswer(text, z.object({ text: z.string() }))
    expect(read).toEqual({ kind: 'read', value: { text: expected }, how: 'repaired' })
  })
})

describe('an answer is not read', () => {
  test.each([
    ['of another shape', `{"task":{"id":"${id}","done":true,"note":null}}`, 'id: Invalid input'],
    ['repairable, of another shape', `{'id': ${id}, 'done': 'yes', 'note': None}`, 'nothing'],
    ['a number with a letter in it', `{"id": 73123x, "done": true`, 'nothing'],
    ['half a body', `{"id":"${id}","done":true,"note":nu`, 'nothing'],
    ['half a list', `[{"id":"${id}","done":true,"note":null},{"id":"73`, 'nothing'],
    ['a list with something left out', `[{"id":"1","done":true,"note":null}, ...]`, 'nothing'],
    ['closed crosswise', `{"tasks":[1,2},{"id":"${id}","done":true,"note":null}]`, 'nothing'],
    ['more than one', `{"id":"1","done":true,"note":null} {'id':'2','done':True,'note':None}`, 'differ'],
    ['contradicting itself', `{'id':'1','id':'2','done':True,'note':None}`, 'nothing'],
    ['a page', `<style>a{}</style><p>Bad gateway</p>`, 'nothing'],
    ['repairable, but endless', `{'id': '1', 'done': True, 'note': '${'x'.repeat(65_536)}'}`, 'nothing'],
    ['a page of many parts', '{}'.repeat(65), 'too many'],
    ['prose', 'I cannot do that.', 'nothing'],
    ['nothing', '', 'nothing'],
    ['nested beyond reason', '['.repeat(100_000) + ']'.repeat(100_000), 'nothing'],
  ])('that is %s', (_, text, why) => {
    expect(readAnswer(text, task)).toEqual({
      kind: 'unreadable',
      raw: text.slice(0, maxRawBytes),
      why: expect.stringContaining(why),
    })
  })

  test('and its raw text is kept up to the limit, cut between characters', () => {
    const raw = (text: string) => {
      const read = readAnswer(text, task)
      return read.kind === 'unreadable' ? read.raw : undefined
    }
    const full = '\ufeffé'.repeat(maxRawBytes / 5)
    expect(raw(full)).toBe(full)
    const kept = `${'x'.repeat(maxRawBytes - 1)}`
    expect(raw(`${kept}é`)).toBe(kept)
  })
})

describe('an id by its pattern', () => {
  const idPattern = /\bid["']?\s*[:=]\s*["']?(\d{19})(?!\d)/

  test.each([
    [`{"id":${id},"done":tr`],
    [`created, id=${id}, soon done`],
    [`{"result":{"id":"${id}"},"was":{"id":"${id}"}}`],
  ])('is the last resort and marked as such: %s', (text) => {
    const why = expect.any(String)
    expect(readAnswer(text, task, { idPattern })).toEqual({
      kind: 'idOnly',
      id,
      how: 'pattern',
      raw: text,
      why,
    })
  })

  test('is not needed where the schema reads the answer', () => {
    expect(readAnswer(JSON.stringify(value), task, { idPattern })).toMatchObject({ how: 'exact' })
  })

  test.each([
    ['half of its digits', `{"id":73123456789`],
    ['more digits', `{"id":${id}8}`],
    ['two that differ', `{"id":${id}},{"id":7312345678901234568`],
  ])('is none with %s', (_, text) => {
    expect(readAnswer(text, task, { idPattern }).kind).toBe('unreadable')
  })
})

describe('an answer with any value', () => {
  test.each([
    ['reads the same as JSON', (nested: unknown) => json(nested)],
    ['reads the same as a Python dict', (nested: unknown) => python(nested)],
  ])('%s, alone and in prose', (_, render) => {
    const prose = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[{}[\]]|\.\.\./g, ' '))
    fc.assert(
      fc.property(nested, prose, prose, (wanted, before, after) => {
        const text = render(wanted)
        for (const answer of [text, `${before}${text}${after}`, `${before}\n\`\`\`\n${text}\n\`\`\`\n`]) {
          const read = readAnswer(answer, z.unknown())
          expect(read).toEqual({ kind: 'read', value: asRead(wanted), how: expect.any(String) })
        }
      }),
      { numRuns: 300 },
    )
  })

  test('is never read from half of its text', () => {
    fc.assert(
      fc.property(nested, fc.double({ min: 0, max: 1, noNaN: true }), (wanted, share) => {
        const text = json(wanted)
        const half = text.slice(0, Math.floor(share * (text.length - 1)))
        expect(readAnswer(half, z.unknown()).kind).toBe('unreadable')
      }),
      { numRuns: 300 },
    )
  })
})

const leaf = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.bigInt({ min: 10n ** 18n, max: 10n ** 19n }),
  fc.double({ min: 1e-9, max: 1e9, noNaN: true, noInteger: true }),
  fc.boolean(),
  fc.constant(null),
)
const nested = fc.letrec<{ readonly tree: unknown; readonly root: unknown }>((tie) => ({
  tree: fc.oneof({ maxDepth: 3, withCrossShrink: true }, leaf, tie('root')),
  root: fc.oneof(fc.array(tie('tree')), fc.dictionary(fc.string({ unit: 'binary' }), tie('tree'))),
})).root

/** The expected reading of a value: large integers as strings. */
function asRead(wanted: unknown): unknown {
  if (typeof wanted === 'bigint') return String(wanted)
  if (Array.isArray(wanted)) return wanted.map(asRead)
  if (typeof wanted !== 'object' || wanted === null) return wanted
  return Object.fromEntries(Object.entries(wanted).map(([key, member]) => [key, asRead(member)]))
}

function json(wanted: unknown): string {
  return render(wanted, (leaf) => (typeof leaf === 'bigint' ? String(leaf) : JSON.stringify(leaf)), ',', ':')
}

function python(wanted: unknown): string {
  return render(wanted, pythonLeaf, ', ', ': ')
}

function render(wanted: unknown, leafOf: (leaf: unknown) => string, comma: string, colon: string): string {
  const inner = (member: unknown) => render(member, leafOf, comma, colon)
  if (Array.isArray(wanted)) return `[${wanted.map(inner).join(comma)}]`
  if (typeof wanted !== 'object' || wanted === null) return leafOf(wanted)
  const members = Object.entries(wanted).map(([key, member]) => leafOf(key) + colon + inner(member))
  return `{${members.join(comma)}}`
}

/** A leaf as Python's `repr` writes it. */
function pythonLeaf(leaf: unknown): string {
  if (leaf === null) return 'None'
  if (typeof leaf === 'boolean') return leaf ? 'True' : 'False'
  if (typeof leaf !== 'string') return String(leaf)

  const quote = leaf.includes("'") && !leaf.includes('"') ? '"' : "'"
  const characters = [...leaf].map((character) => {
    const code = character.codePointAt(0) ?? 0
    if (character === '\\' || character === quote) return `\\${character}`
    if (code >= 32 && code < 127) return character
    const short = { 9: '\\t', 10: '\\n', 13: '\\r' }[code]
    if (short) return short
    if (code < 256) return `\\x${code.toString(16).padStart(2, '0')}`
    return code < 65_536
      ? `\\u${code.toString(16).padStart(4, '0')}`
      : `\\U${code.toString(16).padStart(8, '0')}`
  })
  return quote + characters.join('') + quote
}

test('an answer with deeper nesting than the limit is unreadable, also when two readings are compared', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  for (const depth of [65, 2_000, 20_000])
    expect(readAnswer(`${nested(depth)} or ${nested(depth)}`, z.array(z.unknown())).kind).toBe('unreadable')
  expect(readAnswer(nested(64), z.array(z.unknown())).kind).toBe('read')
})
