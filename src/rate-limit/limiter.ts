import type { SlidingWindow } from './sliding-window.ts'
import type { Bucket } from './token-bucket.ts'

/** A window in which a call needs a reservation. */
export interface WindowRequest {
  readonly key: string
  /** `organization`: the requesting organization's own window; `app`: one that all organizations share. */
  readonly scope: 'organization' | 'app'
  readonly window: SlidingWindow
}

export interface AcquireRequest {
  readonly organizationId: string
  /** Who waits, such as a job. A reservation is kept under this name. */
  readonly requester: string
  /** Granted in all windows or in none; at most one of scope `app`. */
  readonly windowRequests: readonly WindowRequest[]
}

/** A reserved slot in one window: the call may be made from `at` on. */
export interface Reservation {
  readonly key: string
  readonly scope: WindowRequest['scope']
  readonly at: number
}

/** Instants are epoch milliseconds of the store's clock; names that end in `Ms` are durations. */
export type AcquireResult =
  | {
      readonly kind: 'granted'
      readonly reservations: readonly Reservation[]
      /** The call must arrive within this time; later it could exceed the upstream's limit. */
      readonly usableForMs: number
    }
  /**
   * Not yet. The requester has a reservation at `at`, kept for a grace of half a margin: it is granted then, and gets the same
   * answer before. In a window that organizations share, another organization's turn may move it to a later instant (see
   * `fair-queue.ts`). While each process keeps a share of the limits, nothing is reserved and `at` is soon (see
   * `redis/failover-limiter.ts`).
   */
  | {
      readonly kind: 'deferred'
      readonly at: number
      readonly afterMs: number
      /** The key of the first window that is full now; `store` while no store is available. */
      readonly limitedBy: string
    }

export interface TokenRequest {
  /** Null for a bucket of no organization, such as one that is charged before authentication. */
  readonly organizationId: string | null
  readonly key: string
  readonly bucket: Bucket
  readonly cost: number
}

export type TokenResult =
  | { readonly kind: 'consumed'; readonly remaining: number }
  /** No token was consumed. After `afterMs` there are enough tokens, if no other request consumes any. */
  | { readonly kind: 'deferred'; readonly remaining: number; readonly afterMs: number }
  /** No token was consumed: no store is available. */
  | { readonly kind: 'unavailable' }

/** The state of a window, for display. */
export interface WindowView {
  readonly key: string
  readonly window: SlidingWindow
  /** Reservations in the span that ends now. */
  readonly used: number
  /** When a request that is made now could be granted. */
  readonly nextFreeAt: number
  /** Sorted by time. */
  readonly waiting: readonly { readonly requester: string; readonly at: number }[]
}

export interface LimiterHealth {
  /** `none`: no store is available and every request is deferred for a moment. */
  readonly store: 'postgres' | 'redis' | 'memory' | 'none'
  /** Epoch milliseconds. */
  readonly since: number
  readonly reason: string
  /** The number of processes that a limit is divided among; 1 for a shared store. */
  readonly shares: number
}

/**
 * Limits call rates in two ways: a sliding window never exceeds an upstream's limit; a token bucket, for our own API, may exceed
 * it slightly.
 */
export interface Limiter {
  /** Grants a call in all its windows, or reserves the next free instant. Throws `InvalidLimitError`. */
  acquire(request: AcquireRequest): Promise<AcquireResult>
  /** Releases the reservations of a call that the upstream does not count. */
  release(organizationId: string, reservations: readonly Reservation[]): Promise<void>
  /** Consumes all the tokens of a request or none. Throws `InvalidLimitError`. */
  consume(request: TokenRequest): Promise<TokenResult>
  /** The windows of an organization, by key. Windows of scope `app` are not listed. */
  windows(organizationId: string): Promise<readonly WindowView[]>
  health(): LimiterHealth
}
