import type { Tx } from '../../store/database.ts'
import type { RefusalError } from '../schema/error.ts'

/** The state of one mutation field while it is executed. */
export type MutationRun =
  /** The idempotency key was refused. The field has no transaction. */
  { readonly kind: 'refused'; readonly refusal: RefusalError } | OpenRun

export interface OpenRun {
  readonly kind: 'open'
  /** The one transaction of the field: it claims the key, runs the command, reads the response and stores it. */
  readonly tx: Tx
  readonly key: string | null
  /** A hash of the whole request. A stored response is replayed only to the same request. */
  readonly requestHash: Buffer
  /** Set by `mutate`. Null if the resolver did not reach it: the scope was missing or an id was invalid. */
  result: RunResult | null
}

export type RunResult =
  | {
      readonly kind: 'done'
      /** The outcome without its secrets. */
      readonly storedOutcome: object
      /** A response with secrets is not stored. */
      readonly hasSecrets: boolean
    }
  /** An earlier request did the work. `response` is its stored JSON; null if it must be resolved again. */
  | { readonly kind: 'replayed'; readonly response: string | null }
  | { readonly kind: 'failed'; readonly error: unknown }
