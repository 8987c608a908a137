import { isDeepStrictEqual } from 'node:util'
import { jsonrepair } from 'jsonrepair'
import type { z } from 'zod'
import { parseExactJson } from './exact-json.ts'
import { extractBracketed } from './extract-bracketed.ts'

/** What could be made of a provider's answer. */
export type AnswerReading<Value> =
  /**
   * The schema's value. `exact`: the answer is JSON. `extracted`: JSON stood in prose or a code fence. `repaired`: JSON
   * that was mangled, or a Python dict.
   */
  | { readonly kind: 'read'; readonly value: Value; readonly how: 'exact' | 'extracted' | 'repaired' }
  /** Nothing but an id, recognised by its form. It says that something may exist, never that all is well. */
  | ({ readonly kind: 'idOnly'; readonly id: string; readonly how: 'pattern' } & NotUnderstood)
  /** Somebody has to look at it. */
  | ({ readonly kind: 'unreadable' } & NotUnderstood)

interface NotUnderstood {
  /** What was answered, its first 64 kB. */
  readonly raw: string
  /** What is wrong with it; quotes no value. */
  readonly why: string
}

/** How much of an answer that could not be read is kept, in bytes of UTF-8. */
export const maxRawBytes = 65_536

/** More parts than this are a page of something, not an answer with words around it. */
const partLimit = 64

/** Nothing of a longer text is repaired: `jsonrepair` may take the square of the length (measured: 0.2 s for this one). */
const repairLimit = 65_536

/**
 * Reads what a provider answered: JSON; JSON in prose or a code fence; JSON that was mangled, and Python dicts; at last an
 * id by `idPattern` (its first group, if it has one).
 *
 * Nothing is guessed: the schema decides what was read, a part that is not whole is not repaired, and several readings that
 * differ are none. Integers beyond a double's reach arrive as text with all of their digits, whichever way they came.
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

/** The first 64 kB of a text, never ending within a character. */
export function truncateRaw(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxRawBytes) return text
  // `stream` holds back the bytes of a character that was cut.
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, maxRawBytes), {
    stream: true,
  })
}

type Read<Value> = Extract<AnswerReading<Value>, { readonly kind: 'read' }>
type NotRead = { readonly kind: 'notRead'; readonly why: string }

// An answer that is JSON as a whole is taken at its word: if the schema does not know it, no part of it is tried.
function readWhole<Value>(text: string, schema: z.ZodType<Value>): Read<Value> | NotRead | undefined {
  const json = parsed(text, parseExactJson)
  if (!json) return undefined

  const checked = schema.safeParse(json.value)
  if (checked.success) return { kind: 'read', value: checked.data, how: 'exact' }
  const [issue] = checked.error.issues
  return { kind: 'notRead', why: `${issue?.path.join('.') || 'the answer'}: ${issue?.message}` }
}

function readParts<Value>(text: string, schema: z.ZodType<Value>): Read<Value> | NotRead {
  const parts = extractBracketed(text)
  if (parts.length > partLimit) return { kind: 'notRead', why: 'there are too many parts in it' }

  const mayRepair = text.length <= repairLimit
  const [first, ...others] = parts.flatMap((part) => readPart(part, schema, mayRepair) ?? [])
  if (!first) return { kind: 'notRead', why: 'nothing in it is what was expected' }
  return others.every((other) => isDeepStrictEqual(other.value, first.value))
    ? first
    : { kind: 'notRead', why: 'there are several answers in it, and they differ' }
}

function readPart<Value>(
  part: string,
  schema: z.ZodType<Value>,
  mayRepair: boolean,
): Read<Value> | undefined {
  const exact = parsed(part, parseExactJson)
  const json = exact ?? (mayRepair ? parsed(part, parseMangled) : undefined)
  const checked = json && schema.safeParse(json.value)
  return checked?.success
    ? { kind: 'read', value: checked.data, how: exact ? 'extracted' : 'repaired' }
    : undefined
}

function parseMangled(text: string): unknown {
  return parseExactJson(jsonrepair(withJsonEscapes(text)))
}

/**
 * Python's escapes in JSON's spelling: `\xa0` and `\U0001f600` exist only there. A backslash that escapes nothing in either
 * stays a backslash. Without this, `jsonrepair` drops them and reads `xa0`.
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

/** In a box, because `null` is JSON too. Deep nesting ends the recursion of a parser with a RangeError: also not read. */
function parsed(text: string, parse: (text: string) => unknown): { readonly value: unknown } | undefined {
  try {
    return { value: parse(text) }
  } catch {
    return undefined
  }
}
