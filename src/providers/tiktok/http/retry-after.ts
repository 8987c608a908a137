/**
 * `Retry-After` in seconds, whichever of its two forms it has (RFC 9110, section 10.2.3). A date is measured against the
 * answer's own `Date`, so that our clock does not matter; only where a server tells none it is held against ours.
 */
export function retryAfterSeconds(headers: Headers, now = Date.now()): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? ''
  if (/^\d{1,9}$/.test(value)) return Number(value)

  const until = instantOf(value)
  if (until === undefined) return undefined
  const since = instantOf(headers.get('date') ?? '') ?? now
  return Math.max(0, Math.ceil((until - since) / 1_000))
}

/** A date of HTTP in any of its three forms, epoch milliseconds. The oldest does not say that it is in GMT, but is. */
function instantOf(date: string): number | undefined {
  if (!/^[A-Z][a-z]{2,8},? /.test(date)) return undefined
  const instant = Date.parse(date.endsWith(' GMT') ? date : `${date} GMT`)
  return Number.isNaN(instant) ? undefined : instant
}
