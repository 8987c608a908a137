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
