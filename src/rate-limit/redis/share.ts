import type { SlidingWindow } from '../sliding-window.ts'
import type { Bucket } from '../token-bucket.ts'

/** One of `of` shares of every limit, from 0. */
export interface Share {
  readonly index: number
  readonly count: number
}

/**
 * A share of a window, or null: there may be more shares than places. All shares together are the window: place `k` of `most`
 * belongs to share `k mod of`.
 *
 * A share of none is none; spacing calls out instead would not do, since nobody tells the processes to take turns.
 */
export function shareOfWindow(window: SlidingWindow, { index, count }: Share): SlidingWindow | null {
  const maxCalls = Math.ceil((window.maxCalls - index) / count)
  return maxCalls > 0 ? { ...window, maxCalls } : null
}

/** A share of a bucket, of a token at least and enough for what is asked: our own API may be generous for a while. */
export function shareOfBucket({ capacity, refillPerSecond }: Bucket, { count }: Share, cost: number): Bucket {
  return {
    capacity: Math.max(cost, 1, Math.floor(capacity / count)),
    refillPerSecond: Math.max(1, Math.floor(refillPerSecond / count)),
  }
}
