import type { SlidingWindow } from './sliding-window.ts'
import type { Bucket } from './token-bucket.ts'

/** A window that a call has to pass. */
export interface WindowRequest {
  readonly key: string
  /** Whose window it is: the asking organization's own, or one that all organizations of the app share. */
  readonly scope: 'organization' | 'app'
  readonly window: SlidingWindow
}

export interface AcquireRequest {
  readonly organizationId: string
  /** Who waits, such as a job: what `later` promised is kept for it under this name. */
  readonly requester: string
  /** All of them or none; at most one of them with scope `app`. */
  readonly windowRequests: readonly WindowRequest[]
}

/** A place that was given in one window. */
export interface Reservation {
  readonly key: string
  readonly scope: WindowRequest['scope']
  readonly at: number
}

/** Instants are epoch milliseconds of the store's clock; what ends in `Ms` is a duration, good for any clock. */
export type AcquireResult =
  | {
      readonly kind: 'granted'
      readonly reservations: readonly Reservation[]
      /** The call must arrive within; after that it could be one too many for the upstream. */
      readonly usableForMs: number
    }
  /**
   * Not yet. A place at `at` is kept for the requester until a grace is over (half a margin): who comes then is let through,
   * who asks sooner is told the same again. Only in a window that organizations share may it become later meanwhile,
   * because another's turn came first (see `fair-turn.ts`). In an era of shares nothing is kept, and `at` is soon: see
   * `era-limiter.ts`.
   */
  | {
      readonly kind: 'deferred'
      readonly at: number
      readonly afterMs: number
      /** The key of the first window that is full now; `store` while it is not settled who keeps the limits. */
      readonly limitedBy: string
    }

export interface TokenRequest {
  /** Null: nobody's, such as what is counted before anybody has signed in. */
  readonly organizationId: string | null
  readonly key: string
  readonly bucket: Bucket
  readonly cost: number
}

export type TokenResult =
  | { readonly kind: 'taken'; readonly remaining: number }
  /** Nothing was taken. After `afterMs` there are enough, if nobody else takes any. */
  | { readonly kind: 'deferred'; readonly remaining: number; readonly afterMs: number }
  /** Nothing was taken: it is not settled who keeps the limits, or another still may. */
  | { readonly kind: 'unavailable' }

/** How a window stands, for people. */
export interface WindowView {
  readonly key: string
  readonly window: SlidingWindow
  /** Places in the span that ends now. */
  readonly used: number
  /** When the next place is free, for somebody who asks now. */
  readonly nextFreeAt: number
  /** Who waits, in order of time. */
  readonly waiting: readonly { readonly requester: string; readonly at: number }[]
}

export interface LimiterHealth {
  /** `none` while it is not settled: then everything is told to come back in a moment. */
  readonly store: 'postgres' | 'redis' | 'memory' | 'none'
  /** Epoch milliseconds. */
  readonly since: number
  readonly reason: string
  /** Among how many processes a limit is divided; 1 where they share a store. */
  readonly shares: number
}

/** Keeps rates. Two kinds, because two kinds of mistakes are allowed: upstream windows never exceed, API buckets hardly. */
export interface Limiter {
  /** Lets a call through all the windows that it has to pass, or promises it a place. Throws `InvalidLimitError`. */
  acquire(request: AcquireRequest): Promise<AcquireResult>
  /** Gives back places whose call came to nothing that the upstream counts. */
  release(organizationId: string, places: readonly Reservation[]): Promise<void>
  /** Takes tokens from a bucket, or none. Throws `InvalidLimitError`. */
  take(request: TokenRequest): Promise<TokenResult>
  /** The windows of an organization, by key; those that the app shares are nobody's. */
  windows(organizationId: string): Promise<readonly WindowView[]>
  health(): LimiterHealth
}
