import type { Limiter } from './limiter.ts'
import type { Bucket } from './token-bucket.ts'

/** What a request to our own API was charged, as its headers say (RateLimit header fields for HTTP, IETF draft). */
export interface Charge {
  readonly allowed: boolean
  /** The most that a key can ever have. */
  readonly limit: number
  readonly remaining: number
  /** Seconds, upwards, until the bucket is full again. */
  readonly resetSeconds: number
  /** Seconds, upwards, until this request could be paid; 0 if it was. */
  readonly retryAfterSeconds: number
}

/** A thousand points at once, fifty a second from then on. */
export const defaultApiBucket: Bucket = { capacity: 1_000, refillPerSecond: 50 }

/**
 * Charges an API key for a request. What costs more than a full bucket is charged a full one: whether it may run at all is
 * for the limit of a single query to say. Null if nobody can say what the key has left: nothing was charged.
 */
export async function chargeApiKey(
  limiter: Limiter,
  { organizationId, keyId }: { readonly organizationId: string; readonly keyId: string },
  cost: number,
  bucket: Bucket = defaultApiBucket,
): Promise<Charge | null> {
  const price = Math.min(Math.max(0, Math.ceil(cost)), bucket.capacity)
  const tokens = await limiter.take({ organizationId, key: `api ${keyId}`, bucket, cost: price })
  if (tokens.kind === 'unavailable') return null
  const allowed = tokens.kind === 'taken'
  return {
    allowed,
    limit: bucket.capacity,
    remaining: Math.floor(tokens.remaining),
    resetSeconds: Math.ceil((bucket.capacity - tokens.remaining) / bucket.refillPerSecond),
    retryAfterSeconds: allowed ? 0 : Math.max(1, Math.ceil(tokens.afterMs / 1_000)),
  }
}
