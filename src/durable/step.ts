import type { Json } from './checkpoint.ts'

/** A step's output, or an error value. The machine decides what follows. */
export type StepOutcome =
  | { readonly kind: 'done'; readonly output: Json }
  | { readonly kind: 'notDone'; readonly error: Json }

/** A step's context. */
export interface StepContext {
  readonly jobId: string
  readonly organizationId: string
  /** Idempotency key of this step: the same for every worker and attempt. */
  readonly key: string
  /**
   * Whether an earlier worker may have begun this step and lost its result. A step that cannot be repeated must then report
   * an unknown outcome.
   */
  readonly mayHaveBegun: boolean
  /**
   * Must be awaited right before an irreversible call. Throws `LeaseLost` if the lease is lost or another step is pending, so
   * that a worker that was frozen does not act on old data.
   */
  fence(): Promise<void>
  /** Aborted when the lease is lost, the step is no longer wanted, or the process shuts down. */
  readonly signal: AbortSignal
  /** Database time in epoch milliseconds. */
  now(): number
}

/**
 * Performs one step outside any transaction. Throws only for bugs and lost infrastructure, such as the database; then the
 * lease is released and the queue retries. Everything that a provider may answer is an outcome.
 */
export type Step = (input: Json, context: StepContext) => Promise<StepOutcome>

export type StepCatalogue = { readonly [name: string]: Step }

export const done = (output: Json = null): StepOutcome => ({ kind: 'done', output })
export const notDone = (error: Json): StepOutcome => ({ kind: 'notDone', error })
