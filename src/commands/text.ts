import type { FieldIssue } from './refusal.ts'
/**
 * What is wrong with a key of a caller's choice; null if nothing is. Postgres keeps no NUL and no half of a surrogate pair, and
 * nobody can read the other control characters.
 */
export function problemOfKey(key: string): string | null {
  const { length } = [...key]
  if (length < 1 || length > 255) return 'must have 1 to 255 characters'
  if (/\p{Cc}/u.test(key) || !key.isWellFormed())
    return 'must have no control characters and be well-formed Unicode'
  return null
}

/**
 * Where an input has text that Postgres keeps in no column: with a NUL, or with half of a surrogate pair. GraphQL lets both
 * through, escaped; what a text may be beyond that, its command says.
 */
export function unstorableTextIn(value: unknown, path: readonly string[] = []): readonly FieldIssue[] {
  if (typeof value === 'string') {
    const isStorable = value.isWellFormed() && !value.includes('\0')
    return isStorable ? [] : [{ path: path.join('.'), message: 'must be well-formed Unicode without U+0000' }]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => unstorableTextIn(inner, [...path, name]))
}
