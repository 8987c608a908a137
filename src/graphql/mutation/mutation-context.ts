import type { Tx } from '../../store/database.ts'
import type { RefusalError } from '../schema/error.ts'

/** A mutation field on its way from its key to the last word of its answer. */
export type MutationRun =
  /** Refused for its key alone; it has no transaction. */
  { readonly kind: 'refused'; readonly refusal: RefusalError } | OpenRun

export interface OpenRun {
  readonly kind: 'open'
  /** Everything happens in it: the claim of the key, the command, what the answer shows, and its keeping. */
  readonly tx: Tx
  readonly key: string | null
  /** Of the request, word for word: to the same one, the same answer is response again. */
  readonly requestHash: Buffer
  /** What `mutate` made of it. While it is null nothing was done: it was forbidden, or its ids were none. */
  end: RunResult | null
}

export type RunResult =
  | {
      readonly kind: 'done'
      /** What may be kept of the outcome; with `isSecret`, nothing of its response. */
      readonly kept: object
      readonly isSecret: boolean
    }
  /** It was done before. `response` is the JSON that was response then; null if the outcome is to be response anew. */
  | { readonly kind: 'replayed'; readonly response: string | null }
  | { readonly kind: 'stopped'; readonly by: unknown }
