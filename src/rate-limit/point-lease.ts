import type { TokenResult } from './limiter.ts'
import type { Bucket } from './token-bucket.ts'

export interface PointLeaseOptions {
  readonly bucket: Bucket
  /** A monotonic clock in milliseconds. */
  readonly now: () => number
  /** Consumes from the shared bucket. */
  readonly consume: (tokens: number) => Promise<TokenResult>
  /** Whether the bucket is shared with other processes. Otherwise there is nothing to lease. */
  readonly isShared: () => boolean
}

/** One trip to the shared bucket takes this part of its capacity, and at most a quarter of what it has left. */
const leasedParts = 20

/**
 * The tokens of one bucket that this process has taken before it needs them, so that most charges need no trip.
 *
 * All processes together still consume at most `capacity + t · refillPerSecond` in any interval of t seconds. A lease is taken from
 * the bucket like any other charge. While it is held the bucket refills, so what is left of it expires as fast as the bucket may
 * have refilled since: bucket and leases together never hold more than the capacity. A lease that is lost with its process only
 * makes the limit stricter, until the bucket has refilled.
 */
export class PointLease {
  readonly #options: PointLeaseOptions
  #left = 0
  /** What the bucket held at `#at` at most; undefined before the first trip. */
  #level: number | undefined
  #at = 0
  #trip: Promise<TokenResult> | undefined

  constructor(options: PointLeaseOptions) {
    this.#options = options
  }

  /** Consumes all the tokens or none. What is deferred or remains counts the lease as part of the bucket. */
  async charge(tokens: number): Promise<TokenResult> {
    for (;;) {
      const leased = this.#leased()
      if (this.#level !== undefined && tokens <= leased) {
        this.#left = leased - tokens
        return { kind: 'consumed', remaining: this.#remaining() }
      }
      if (this.#trip) {
        // Others wait for the same answer if there is none: one after the other would wait for every timeout.
        if ((await this.#trip).kind === 'unavailable') return { kind: 'unavailable' }
        continue
      }
      // The bucket cannot have more than it had and has regained.
      const missing = this.#level === undefined ? 0 : tokens - leased - this.#maxLevel()
      if (missing > 0) return this.#deferred(tokens)
      this.#trip = this.#take(tokens - leased, leased)
      try {
        return await this.#trip
      } finally {
        this.#trip = undefined
      }
    }
  }

  /** Takes the tokens that are missing and a new lease, or only the former if the bucket has no more. */
  async #take(missing: number, leased: number): Promise<TokenResult> {
    const { bucket, consume, now } = this.#options
    this.#left = 0 // Belongs to this charge, unless it is refused.
    let isPaid = false
    try {
      let extra = Math.min(this.#leaseSize(), bucket.capacity - missing)
      let at = now()
      let result = await consume(missing + extra)
      if (result.kind === 'deferred' && extra > 0 && result.remaining >= missing) {
        extra = 0
        at = now()
        result = await consume(missing)
      }
      if (result.kind === 'unavailable') return result
      // Stores round down, and the clock is read before they decide: the level is rather too high than too low.
      this.#level = result.remaining + 1
      this.#at = at
      isPaid = result.kind === 'consumed'
      this.#left = isPaid ? extra : leased
      return isPaid ? { kind: 'consumed', remaining: this.#remaining() } : this.#deferred(missing + leased)
    } finally {
      if (!isPaid) this.#left = leased
    }
  }

  #leaseSize(): number {
    const { bucket, isShared } = this.#options
    if (!isShared()) return 0
    const size = Math.floor(bucket.capacity / leasedParts)
    return this.#level === undefined ? size : Math.min(size, Math.floor(this.#maxLevel() / 4))
  }

  #regained(): number {
    const { bucket, now } = this.#options
    return ((now() - this.#at) * bucket.refillPerSecond) / 1_000
  }

  #maxLevel(): number {
    return Math.min(this.#options.bucket.capacity, (this.#level ?? 0) + this.#regained())
  }

  /** The part of the lease that has not expired, in whole tokens. */
  #leased(): number {
    return Math.max(0, Math.min(this.#left, Math.floor(this.#options.bucket.capacity - this.#maxLevel())))
  }

  /** Without the token that was added to the level for safety. */
  #remaining(): number {
    const { capacity } = this.#options.bucket
    return Math.min(capacity, (this.#level ?? 0) - 1 + this.#regained() + this.#left)
  }

  #deferred(tokens: number): TokenResult {
    const remaining = Math.max(0, this.#remaining())
    const missing = Math.max(0, tokens - remaining)
    return {
      kind: 'deferred',
      remaining,
      afterMs: Math.ceil((missing / this.#options.bucket.refillPerSecond) * 1_000),
    }
  }
}
