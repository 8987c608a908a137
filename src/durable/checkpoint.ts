/** What JSON can hold, and so what a checkpoint may: no Date, no Error, no undefined. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/**
 * What a machine in this state needs next, and so what its row must have: *working*: a step is pending;
 * *waiting*: a timer is set; *resting*: nothing until a person or a webhook acts; *final*: nothing ever.
 */
export type Tag = 'working' | 'waiting' | 'resting' | 'final'

/** The one thing that a worker has to perform before the machine can move on. */
export interface PendingStep {
  /** The `id` of the machine's `invoke`: its outcome comes back under this id. */
  readonly id: string
  /** The `src` of the `invoke`: which step a worker performs. */
  readonly name: string
  readonly input: Json
  /** Stable for as long as this step is pending, whoever performs it and however often. */
  readonly key: string
  /** The lease epoch whose worker committed this step, or null if a command did. See `mayHaveBegun`. */
  readonly epoch: number | null
}

/** An event that falls due; `dueAt` in epoch milliseconds of the database's clock. */
export interface Timer {
  readonly event: MachineEvent
  readonly dueAt: number
}

/** An event for a machine. `at` is the database's time in epoch milliseconds: a machine has no clock of its own. */
export interface MachineEvent {
  readonly type: string
  readonly [key: string]: unknown
}

/** The committed state of a machine, in our own format, so that upgrades stay in our hands. */
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
 * When somebody must look at this checkpoint again, in epoch milliseconds: at once for a pending step, at the
 * earliest timer otherwise; null when only a person or a webhook can move it.
 */
export function wakeAtOf(checkpoint: Checkpoint, now: number): number | null {
  const timer = nextTimer(checkpoint)
  if (checkpoint.tag === 'working') return timer ? Math.min(now, timer.dueAt) : now
  return timer?.dueAt ?? null
}

/** The timer that falls due first. */
export function nextTimer(checkpoint: Checkpoint): Timer | undefined {
  return Object.values(checkpoint.timers).reduce<Timer | undefined>(
    (first, timer) => (first && first.dueAt <= timer.dueAt ? first : timer),
    undefined,
  )
}
