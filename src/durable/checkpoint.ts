/** A checkpoint is JSON only: no Date, no Error, no undefined. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/**
 * What a machine in this state needs next, and so what its row must have:
 * *working*: a step is pending; *waiting*: a timer is set; *resting*: unfinished, until a person or a webhook acts;
 * *settled*: the work is done, but later events are recorded; *final*: no event is accepted.
 */
export type Tag = 'working' | 'waiting' | 'resting' | 'settled' | 'final'

/** The one step that a worker has to perform before the machine can continue. */
export interface PendingStep {
  /** The `id` of the machine's `invoke`; the outcome event carries it. */
  readonly id: string
  /** The `src` of the `invoke`: the key in the step catalogue. */
  readonly name: string
  readonly input: Json
  /** Idempotency key: the same for every worker and attempt while this step is pending. */
  readonly key: string
  /** The lease epoch of the worker that committed this step; null if a command did. See `mayHaveBegun`. */
  readonly epoch: number | null
}

/** An event to be sent at `dueAt`, in epoch milliseconds of the database's clock. */
export interface Timer {
  readonly event: MachineEvent
  readonly dueAt: number
}

/** An event for a machine. `at` is the database's time in epoch milliseconds: a machine has no clock of its own. */
export interface MachineEvent {
  readonly type: string
  readonly [key: string]: unknown
}

/** The committed state of a machine. Our own format, so that an upgrade of XState cannot make rows unreadable. */
export interface Checkpoint {
  readonly machine: string
  readonly version: number
  /** The dotted path of the one active leaf, such as `publishing.uploading`. */
  readonly state: string
  readonly tag: Tag
  readonly context: { readonly [key: string]: Json }
  readonly step: PendingStep | null
  readonly timers: { readonly [id: string]: Timer }
}

/**
 * When a worker must wake this checkpoint, in epoch milliseconds: now for a pending step, otherwise at the earliest
 * timer; null when only a person or a webhook can send the next event.
 */
export function wakeAtOf(checkpoint: Checkpoint, now: number): number | null {
  const timer = nextTimer(checkpoint)
  if (checkpoint.tag === 'working') return timer ? Math.min(now, timer.dueAt) : now
  return timer?.dueAt ?? null
}

/** The earliest timer. */
export function nextTimer(checkpoint: Checkpoint): Timer | undefined {
  return Object.values(checkpoint.timers).reduce<Timer | undefined>(
    (first, timer) => (first && first.dueAt <= timer.dueAt ? first : timer),
    undefined,
  )
}
