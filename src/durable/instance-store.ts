import type { Checkpoint } from './checkpoint.ts'

/** A machine instance under a worker's lease. */
export interface LeasedInstance {
  readonly jobId: string
  readonly organizationId: string
  readonly revision: number
  readonly checkpoint: Checkpoint
  /** Fencing token: rises with every lease, and every commit names it. */
  readonly epoch: number
  /** How many times this revision was leased, including this lease. */
  readonly leaseAttempts: number
}

/** A transition to commit: compare-and-set on the revision, fenced by the epoch. */
export interface Transition {
  readonly jobId: string
  readonly organizationId: string
  readonly expectedRevision: number
  /** Null for a command, which holds no lease. */
  readonly epoch: number | null
  readonly from: string
  readonly event: string
  readonly next: Checkpoint
  /** Epoch milliseconds; null when only a person or a webhook can send the next event. */
  readonly wakeAt: number | null
  /** Whether the commit releases the lease and queues the wake-up. */
  readonly release: boolean
}

/** New timers for an instance that otherwise stays as it is: it gets no revision, and no event is appended. */
export interface Postponement {
  readonly jobId: string
  readonly organizationId: string
  /** Compared, as in a transition. */
  readonly revision: number
  readonly epoch: number
  readonly timers: Checkpoint['timers']
  /** Epoch milliseconds. */
  readonly wakeAt: number
}

/** A conflict with another writer of the same instance changes nothing. */
export type TransitionResult =
  | { readonly kind: 'committed'; readonly revision: number; readonly sequence: number }
  | { readonly kind: 'conflict' }

/** The result of a lease attempt. */
export type LeaseResult =
  | { readonly kind: 'acquired'; readonly instance: LeasedInstance }
  /** Its worker sees everything that is committed before it releases the lease. */
  | { readonly kind: 'leasedElsewhere' }
  | { readonly kind: 'missing' }

/** The state of a lease at its renewal. */
export interface LeaseState {
  readonly jobId: string
  readonly epoch: number
  readonly revision: number
  readonly stepKey: string | null
}

/** Persistence of checkpoints and leases, implemented on Postgres. Nothing else writes machine instances. */
export interface InstanceStore {
  acquireLease(jobId: string): Promise<LeaseResult>
  commit(move: Transition): Promise<TransitionResult>
  /**
   * Sets timers, releases the lease and queues the wake-up, all or nothing. False, and nothing is changed, if the revision has changed or
   * the lease is lost.
   */
  postpone(postponement: Postponement): Promise<boolean>
  /** The current row, or null if the lease of this epoch is lost. */
  reload(jobId: string, epoch: number): Promise<LeasedInstance | null>
  /**
   * Releases the lease if the revision is unchanged; otherwise returns false and keeps it. `isUnattempted` gives the lease
   * attempt back.
   */
  release(jobId: string, epoch: number, revision: number, isUnattempted?: boolean): Promise<boolean>
  /**
   * Renews leases; the results are in their order. An instance that another transaction has locked delays no other: it is `locked`, unless
   * `waits` is set.
   */
  renew(
    leases: readonly { readonly jobId: string; readonly epoch: number }[],
    waits?: boolean,
  ): Promise<readonly (LeaseState | 'lost' | 'locked')[]>
}

/** The database's clock, read without a query: see `createDatabaseClock`. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
}

export interface DatabaseClock extends Clock {
  /** Records the database's time, in epoch milliseconds. */
  observe(databaseNow: number): void
}

/**
 * Extrapolates the database's last known time by this process's monotonic clock, so that a wrong or jumping local clock
 * cannot affect timers. At most one round trip late, never early.
 */
export function createDatabaseClock(): DatabaseClock {
  let base = Number.NEGATIVE_INFINITY
  const monotonic = () => performance.now()
  return {
    observe(databaseNow) {
      base = Math.max(base, databaseNow - monotonic())
    },
    now() {
      if (base === Number.NEGATIVE_INFINITY)
        throw new Error("the database's time is unknown before the first query")
      return Math.floor(base + monotonic())
    },
  }
}
