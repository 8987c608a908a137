import type { SlidingWindow } from '../sliding-window.ts'
import type { Bucket } from '../token-bucket.ts'

/** One of `count` shares of every limit. `index` starts at 0. */
export interface Share {
  readonly index: number
  readonly count: number
}

/**
 * A share of a window; null if there are more shares than calls. All shares together are the window: call `k` of `maxCalls`
 * belongs to share `k mod count`.
 *
 * A share of zero calls stays zero. A longer window instead would exceed the limit, because the processes do not take turns.
 */
export function shareOfWindow(window: SlidingWindow, { index, count }: Share): SlidingWindow | null {
  const maxCalls = Math.ceil((window.maxCalls - index) / count)
  return maxCalls > 0 ? { ...window, maxCalls } : null
}

/** A share of a bucket: at least one token and at least `cost`. Our own API may be generous for a while. */
export function shareOfBucket({ capacity, refillPerSecond }: Bucket, { count }: Share, cost: number): Bucket {
  return {
    capacity: Math.max(cost, 1, Math.floor(capacity / count)),
    refillPerSecond: Math.max(1, Math.floor(refillPerSecond / count)),
  }
}
