import type { Limiter } from './limiter.ts'
import type { Bucket } from './token-bucket.ts'

/** The charge of a request to our own API, as its headers report it (RateLimit header fields for HTTP, IETF draft). */
export interface Charge {
  readonly allowed: boolean
  /** The capacity of the key's bucket. */
  readonly limit: number
  readonly remaining: number
  /** Seconds until the bucket is full again, rounded up. */
  readonly resetSeconds: number
  /** Seconds until the request can be charged, rounded up; 0 if it was. */
  readonly retryAfterSeconds: number
}

/** A cost of 1,000 at once and 50 a second from then on. */
export const defaultApiBucket: Bucket = { capacity: 1_000, refillPerSecond: 50 }

/**
 * Charges an API key for a request. A cost above the capacity is charged as a full bucket: the limit of a single query decides
 * whether such a request may run at all. Null, and nothing is charged, while the limiter is unavailable.
 */
export async function chargeApiKey(
  limiter: Limiter,
  { organizationId, keyId }: { readonly organizationId: string; readonly keyId: string },
  cost: number,
  bucket: Bucket = defaultApiBucket,
): Promise<Charge | null> {
  const tokens = Math.min(Math.max(0, Math.ceil(cost)), bucket.capacity)
  const result = await limiter.consume({ organizationId, key: `api ${keyId}`, bucket, cost: tokens })
  if (result.kind === 'unavailable') return null
  return {
    allowed: result.kind === 'consumed',
    limit: bucket.capacity,
    remaining: Math.floor(result.remaining),
    resetSeconds: Math.ceil((bucket.capacity - result.remaining) / bucket.refillPerSecond),
    retryAfterSeconds: result.kind === 'consumed' ? 0 : Math.max(1, Math.ceil(result.afterMs / 1_000)),
  }
}
