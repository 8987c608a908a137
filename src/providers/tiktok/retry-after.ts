/**
 * `Retry-After` in seconds, whichever of its two forms it has (RFC 9110, section 10.2.3). A date is measured against the
 * answer's own `Date`, so that our clock does not matter; without one it says nothing.
 */
export function retryAfterSeconds(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (!value) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value)

  const seconds = (Date.parse(value) - Date.parse(headers.get('date') ?? '')) / 1000
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined
}
