import { isDeepStrictEqual } from 'node:util'
import { jsonrepair } from 'jsonrepair'
import type { z } from 'zod'
import { parseExactJson } from './exact-json.ts'
import { extractBracketed } from './extract-bracketed.ts'

/** The result of reading a provider's answer. */
export type AnswerReading<Value> =
  /**
   * The schema's value. `exact`: the answer is JSON. `extracted`: JSON inside prose or a code fence. `repaired`: broken JSON or
   * a Python dict.
   */
  | { readonly kind: 'read'; readonly value: Value; readonly how: 'exact' | 'extracted' | 'repaired' }
  /** Only an id, matched by its pattern. Something may exist; nothing else is known. */
  | ({ readonly kind: 'idOnly'; readonly id: string; readonly how: 'pattern' } & UnreadAnswer)
  /** A person has to read it. */
  | ({ readonly kind: 'unreadable' } & UnreadAnswer)

interface UnreadAnswer {
  /** The first 64 kB of the answer. */
  readonly raw: string
  /** The reason; quotes no value of the answer. */
  readonly why: string
}

/** Maximum length of the kept part of an unreadable answer, in bytes of UTF-8. */
export const maxRawBytes = 65_536

/** A text with more parts is a page, not an answer inside prose. */
const maxParts = 64

/** Longer texts are not repaired: `jsonrepair` can need quadratic time (measured: 0.2 s for this length). */
const maxRepairLength = 65_536

/**
 * Reads a provider's answer as JSON, as JSON inside prose or a code fence, as broken JSON or a Python dict, and at last as an
 * id by `idPattern` (its first group, if any).
 *
 * Nothing is guessed: the schema decides, incomplete parts are not repaired, and several different readings count as none.
 * Integers that a double cannot represent become strings with all digits.
 */
export function readAnswer<Value>(
  text: string,
  schema: z.ZodType<Value>,
  { idPattern }: { readonly idPattern?: RegExp } = {},
): AnswerReading<Value> {
  const read = readWhole(text, schema) ?? readParts(text, schema)
  if (read.kind === 'read') return read

  const notUnderstood = { raw: truncateRaw(text), why: read.why }
  const [id, ...others] = idPattern ? idsIn(text, idPattern) : []
  return id !== undefined && others.length === 0
    ? { kind: 'idOnly', id, how: 'pattern', ...notUnderstood }
    : { kind: 'unreadable', ...notUnderstood }
}

/** The first 64 kB of a text, cut between characters. */
export function truncateRaw(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxRawBytes) return text
  // `stream` omits the bytes of an incomplete character.
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, maxRawBytes), {
    stream: true,
  })
}

type Read<Value> = Extract<AnswerReading<Value>, { readonly kind: 'read' }>
type NotRead = { readonly kind: 'notRead'; readonly why: string }

// If the whole answer is JSON but does not match the schema, its parts are not tried.
function readWhole<Value>(text: string, schema: z.ZodType<Value>): Read<Value> | NotRead | undefined {
  const json = tryParse(text, parseExactJson)
  if (!json) return undefined

  const checked = schema.safeParse(json.value)
  if (checked.success) return { kind: 'read', value: checked.data, how: 'exact' }
  const [issue] = checked.error.issues
  return { kind: 'notRead', why: `${issue?.path.join('.') || 'the answer'}: ${issue?.message}` }
}

function readParts<Value>(text: string, schema: z.ZodType<Value>): Read<Value> | NotRead {
  const parts = extractBracketed(text)
  if (parts.length > maxParts) return { kind: 'notRead', why: 'it has too many parts' }

  const mayRepair = text.length <= maxRepairLength
  const [first, ...others] = parts.flatMap((part) => readPart(part, schema, mayRepair) ?? [])
  if (!first) return { kind: 'notRead', why: 'nothing in it matches the schema' }
  return others.every((other) => isDeepStrictEqual(other.value, first.value))
    ? first
    : { kind: 'notRead', why: 'it has several answers that differ' }
}

function readPart<Value>(
  part: string,
  schema: z.ZodType<Value>,
  mayRepair: boolean,
): Read<Value> | undefined {
  const exact = tryParse(part, parseExactJson)
  const json = exact ?? (mayRepair ? tryParse(part, parseMangled) : undefined)
  const checked = json && schema.safeParse(json.value)
  return checked?.success
    ? { kind: 'read', value: checked.data, how: exact ? 'extracted' : 'repaired' }
    : undefined
}

function parseMangled(text: string): unknown {
  return parseExactJson(jsonrepair(withJsonEscapes(text)))
}

/**
 * Converts Python's escapes to JSON's: `\xa0` and `\U0001f600` exist only in Python. A backslash without an escape stays a
 * backslash. Otherwise `jsonrepair` drops them and reads `xa0`.
 */
function withJsonEscapes(text: string): string {
  return text.replace(anyEscape, (whole, letter: string, byte?: string, wide?: string) => {
    if (byte) return `\\u00${byte}`
    const codePoint = Number.parseInt(wide ?? '', 16)
    if (codePoint <= 0x10ffff) return JSON.stringify(String.fromCodePoint(codePoint)).slice(1, -1)
    return knownEscapes.has(letter) ? whole : `\\\\${letter}`
  })
}

const anyEscape = /\\(x([\da-fA-F]{2})|U([\da-fA-F]{8})|.)/gs
const knownEscapes: ReadonlySet<string> = new Set('"\'\\/bfnrtu\n')

function idsIn(text: string, pattern: RegExp): readonly string[] {
  const all = new RegExp(pattern, pattern.flags.includes('g') ? pattern.flags : `${pattern.flags}g`)
  return [...new Set(text.matchAll(all).map((match) => match[1] ?? match[0]))]
}

/** Wraps the value, because `null` is JSON, too. A RangeError of a parser's recursion also counts as not parsed. */
function tryParse(text: string, parse: (text: string) => unknown): { readonly value: unknown } | undefined {
  try {
    return { value: parse(text) }
  } catch {
    return undefined
  }
}
