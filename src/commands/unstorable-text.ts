import type { FieldIssue } from './refusal.ts'

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
