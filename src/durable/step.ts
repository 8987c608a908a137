import type { Json } from './checkpoint.ts'

/** What came of a step: its output, or a value that says why there is none. The machine decides what follows. */
export type StepOutcome =
  | { readonly kind: 'done'; readonly output: Json }
  | { readonly kind: 'notDone'; readonly error: Json }

/** What a step is told besides its input. */
export interface StepContext {
  readonly jobId: string
  readonly organizationId: string
  /** The idempotency key of this step: the same whoever performs it and however often. */
  readonly key: string
  /**
   * Whether an earlier worker may have begun this very step and died, or not have been heard of. A step that
   * cannot be repeated must then answer that its outcome is unknown.
   */
  readonly mayHaveBegun: boolean
  /**
   * To be awaited right before a call that cannot be undone. Throws `LeaseLost` if another worker has taken the job over,
   * or the job does not wait for this step any more: a worker that was frozen must not act on what it believed.
   */
  fence(): Promise<void>
  /** Aborted when the lease is lost, the step is no longer wanted, or the process shuts down. */
  readonly signal: AbortSignal
  /** Database time in epoch milliseconds. */
  now(): number
}

/**
 * Performs one step outside any transaction. It throws only for bugs and for lost infrastructure, such as the
 * database: then the job is let go and taken up again later. What a provider may answer is an outcome.
 */
export type Step = (input: Json, context: StepContext) => Promise<StepOutcome>

export type StepCatalogue = { readonly [name: string]: Step }

export const done = (output: Json = null): StepOutcome => ({ kind: 'done', output })
export const notDone = (error: Json): StepOutcome => ({ kind: 'notDone', error })
