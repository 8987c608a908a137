/** Tokens that refill steadily up to a capacity; what is asked for costs some of them. All are whole numbers. */
export interface Bucket {
  readonly capacity: number
  readonly refillPerSecond: number
}

/**
 * What was in a bucket at an instant, in epoch milliseconds. In thousandths of a token, which refill by whole ones a
 * millisecond: none is ever made or lost by rounding.
 */
export interface BucketLevel {
  readonly thousandths: number
  readonly at: number
}

export interface TakeResult {
  readonly taken: boolean
  readonly level: BucketLevel
  /** 0 if taken. */
  readonly afterMs: number
}

/**
 * Takes `cost` tokens if they are there. In any stretch of t seconds at most `capacity + t · refillPerSecond` are taken; a
 * clock that is set back refills nothing.
 *
 * Nothing is kept for whoever is turned away: an API client may never come back, and one that asks again and again would
 * reserve all of its own future.
 */
export function takeTokens(
  level: BucketLevel | undefined,
  bucket: Bucket,
  cost: number,
  now: number,
): TakeResult {
  const { capacity, refillPerSecond } = bucket
  const price = cost * 1_000
  const before = level ?? { thousandths: capacity * 1_000, at: now }
  const at = Math.max(now, before.at)
  const there = Math.min(capacity * 1_000, before.thousandths + (at - before.at) * refillPerSecond)
  return there >= price
    ? { taken: true, level: { thousandths: there - price, at }, afterMs: 0 }
    : {
        taken: false,
        level: { thousandths: there, at },
        afterMs: at - now + Math.ceil((price - there) / refillPerSecond),
      }
}

/** Whole tokens. */
export const tokensOf = ({ thousandths }: BucketLevel): number => Math.floor(thousandths / 1_000)
