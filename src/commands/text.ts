import type { FieldIssue } from './refusal.ts'
export const maxReasonLength = 500

/** Validates a reason that a person gives for an action: 1 to 500 characters after trimming. Returns null if it is valid. */
export function problemOfReason(reason: string): string | null {
  const { length } = reason.trim()
  return length >= 1 && length <= maxReasonLength ? null : `must have 1 to ${maxReasonLength} characters`
}

/**
 * Validates a key that a caller chose. Returns what is wrong with it, or null. Postgres stores neither NUL nor lone surrogates,
 * and other control characters cannot be read.
 */
export function problemOfKey(key: string): string | null {
  const { length } = [...key]
  if (length < 1 || length > 255) return 'must have 1 to 255 characters'
  if (/\p{Cc}/u.test(key) || !key.isWellFormed())
    return 'must have no control characters and be well-formed Unicode'
  return null
}

/**
 * Finds the texts of an input that Postgres cannot store: those with a NUL or a lone surrogate, which GraphQL accepts as
 * escapes. Every further rule for a text belongs to its command.
 */
export function unstorableTextIn(value: unknown, path: readonly string[] = []): readonly FieldIssue[] {
  if (typeof value === 'string') {
    const isStorable = value.isWellFormed() && !value.includes('\0')
    return isStorable ? [] : [{ path: path.join('.'), message: 'must be well-formed Unicode without U+0000' }]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => unstorableTextIn(inner, [...path, name]))
}
