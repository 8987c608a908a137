/** Tokens that refill steadily up to a capacity. All numbers are whole. */
export interface Bucket {
  readonly capacity: number
  readonly refillPerSecond: number
}

/**
 * The contents of a bucket at an instant (epoch milliseconds), in thousandths of a token: these refill by whole numbers each
 * millisecond, so rounding neither creates nor loses a token.
 */
export interface BucketLevel {
  readonly thousandths: number
  readonly at: number
}

export interface ConsumeResult {
  readonly isConsumed: boolean
  readonly level: BucketLevel
  /** 0 if the tokens were consumed. */
  readonly afterMs: number
}

/**
 * Consumes `cost` tokens if the bucket has them. Any interval of t seconds consumes at most `capacity + t · refillPerSecond`; a
 * clock that is set back refills nothing.
 *
 * Nothing is reserved for a deferred request: an API client may never retry, and one that retries all the time would reserve
 * all of its own future.
 */
export function consumeTokens(
  level: BucketLevel | undefined,
  bucket: Bucket,
  cost: number,
  now: number,
): ConsumeResult {
  const { capacity, refillPerSecond } = bucket
  const needed = cost * 1_000
  const before = level ?? { thousandths: capacity * 1_000, at: now }
  const at = Math.max(now, before.at)
  const available = Math.min(capacity * 1_000, before.thousandths + (at - before.at) * refillPerSecond)
  return available >= needed
    ? { isConsumed: true, level: { thousandths: available - needed, at }, afterMs: 0 }
    : {
        isConsumed: false,
        level: { thousandths: available, at },
        afterMs: at - now + Math.ceil((needed - available) / refillPerSecond),
      }
}

/** Whole tokens, rounded down. */
export const tokensOf = ({ thousandths }: BucketLevel): number => Math.floor(thousandths / 1_000)
