import type { Checkpoint } from './checkpoint.ts'

/** A job as a worker holds it under its lease. */
export interface LeasedInstance {
  readonly jobId: string
  readonly organizationId: string
  readonly revision: number
  readonly checkpoint: Checkpoint
  /** The fence: rises whenever a worker takes the job, and every commit names it. */
  readonly epoch: number
  /** How many workers have taken up this revision, this one included. */
  readonly leaseAttempts: number
}

/** One transition to be committed: compare-and-set on the revision, fenced by the epoch. */
export interface Transition {
  readonly jobId: string
  readonly organizationId: string
  readonly expectedRevision: number
  /** Null when a command moves the job, which holds no lease. */
  readonly epoch: number | null
  readonly from: string
  readonly event: string
  readonly next: Checkpoint
  /** Epoch milliseconds; null when only a person or a webhook can move the job on. */
  readonly wakeAt: number | null
  /** Whether the lease ends with this commit; then the wake-up is queued with it. */
  readonly release: boolean
}

/** Committed, or lost to another writer of the same job; a lost move has changed nothing. */
export type TransitionResult =
  | { readonly kind: 'committed'; readonly revision: number; readonly sequence: number }
  | { readonly kind: 'conflict' }

/** Why a job could or could not be taken. */
export type LeaseResult =
  | { readonly kind: 'acquired'; readonly instance: LeasedInstance }
  /** Another worker is at it, and will see whatever is committed before it lets go. */
  | { readonly kind: 'leasedElsewhere' }
  | { readonly kind: 'missing' }

/** What the store answers about a lease that a worker believes it holds. */
export interface LeaseState {
  readonly jobId: string
  readonly epoch: number
  readonly revision: number
  readonly stepKey: string | null
}

/** Where checkpoints and leases live. The store implements it on Postgres; nothing else writes jobs. */
export interface InstanceStore {
  acquireLease(jobId: string): Promise<LeaseResult>
  commit(move: Transition): Promise<TransitionResult>
  /** The job as it is now, or null if this epoch holds it no more. */
  reload(jobId: string, epoch: number): Promise<LeasedInstance | null>
  /**
   * Lets go of a job that has not moved since `revision`; false if it has, and is still held then. `isUnattempted`: nothing was
   * done about it, so that it does not count as a try.
   */
  release(jobId: string, epoch: number, revision: number, isUnattempted?: boolean): Promise<boolean>
  /** Prolongs leases; those that are lost are missing from the answer. */
  renew(leases: readonly { readonly jobId: string; readonly epoch: number }[]): Promise<readonly LeaseState[]>
}

/** The database's clock, read without asking it: see `createDatabaseClock`. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
}

export interface DatabaseClock extends Clock {
  /** Tells it what the database answered as its time, in epoch milliseconds. */
  observe(databaseNow: number): void
}

/**
 * Goes on from the last answer of the database by this process's monotonic clock, so that neither a wrong nor a
 * jumping local clock can move a timer. Errs late by one round trip, never early.
 */
export function createDatabaseClock(): DatabaseClock {
  let base = Number.NEGATIVE_INFINITY
  const monotonic = () => performance.now()
  return {
    observe(databaseNow) {
      base = Math.max(base, databaseNow - monotonic())
    },
    now() {
      if (base === Number.NEGATIVE_INFINITY) throw new Error('the database has not told its time yet')
      return Math.floor(base + monotonic())
    },
  }
}
