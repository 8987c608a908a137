import type { Limiter } from './limiter.ts'
import { PointLease } from './point-lease.ts'
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
export type ChargeApiKey = (
  key: { readonly organizationId: string; readonly keyId: string },
  cost: number,
) => Promise<Charge | null>

/** The keys whose leases are kept. Of a lease that is dropped, the points are lost until the bucket has refilled. */
const maxKeys = 10_000

/**
 * Charges most requests in memory, from points that this process has leased: see `PointLease`. `now` is a monotonic clock in
 * milliseconds.
 */
export function createChargeApiKey(
  limiter: Pick<Limiter, 'consume' | 'health'>,
  bucket: Bucket = defaultApiBucket,
  now: () => number = () => performance.now(),
): ChargeApiKey {
  const leases = new Map<string, PointLease>()

  const leaseOf = (organizationId: string, keyId: string): PointLease => {
    const known = leases.get(keyId)
    if (known) return known
    const [oldest] = leases.keys()
    if (oldest !== undefined && leases.size >= maxKeys) leases.delete(oldest)
    const request = { organizationId, key: `api ${keyId}`, bucket }
    const lease = new PointLease({
      bucket,
      now,
      consume: (cost) => limiter.consume({ ...request, cost }),
      // Each process then has a share of the bucket, in its own memory already.
      isShared: () => limiter.health().store === 'postgres' || limiter.health().store === 'redis',
    })
    leases.set(keyId, lease)
    return lease
  }

  return async ({ organizationId, keyId }, cost) => {
    const tokens = Math.min(Math.max(0, Math.ceil(cost)), bucket.capacity)
    const result = await leaseOf(organizationId, keyId).charge(tokens)
    if (result.kind === 'unavailable') return null
    return {
      allowed: result.kind === 'consumed',
      limit: bucket.capacity,
      remaining: Math.floor(result.remaining),
      resetSeconds: Math.ceil((bucket.capacity - Math.floor(result.remaining)) / bucket.refillPerSecond),
      retryAfterSeconds: result.kind === 'consumed' ? 0 : Math.max(1, Math.ceil(result.afterMs / 1_000)),
    }
  }
}
