import type { LeaseResult } from '../durable/instance-store.ts'

/** One piece of work, as fetched from the queue. */
export interface QueuedWork<Data extends object> {
  readonly id: string
  /** Identifies the attempt: an earlier attempt cannot settle the work. */
  readonly retryCount: number
  readonly data: Data
  readonly groupId?: string | null
  /** The lease of a wake-up's instance, if it was acquired with the fetch. */
  readonly lease?: LeaseResult | null
}
