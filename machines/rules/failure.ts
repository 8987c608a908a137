/**
 * The typed meaning of a failure: what has to happen before trying again makes sense.
 * The full table of TikTok's codes maps onto these.
 */
export type Verdict =
  | 'RETRY_AFTER'
  | 'WAIT_CAP'
  | 'NEEDS_USER'
  | 'NEEDS_OPERATOR'
  | 'FIX_MEDIA'
  | 'PERMANENT'
  | 'OUTCOME_UNKNOWN'

/** What went wrong, in words for a person and a code for a program. */
export interface Failure {
  readonly verdict: Verdict
  readonly code: string
  readonly message: string
  /** Whose word the code is, such as `post` for a fail reason of TikTok's; ours if left out. */
  readonly source?: string
  /** TikTok's id of the refused call, to be quoted to its support. */
  readonly logId?: string
  /** What was answered, where it could not be read; without secrets. */
  readonly answer?: string
}

/** What a step answers when it has not done its work. */
export type StepError =
  /** It was tried and nothing happened; the same step again, after a while. `afterSeconds` is what the upstream asked for. */
  | { readonly kind: 'retry'; readonly failure: Failure; readonly afterSeconds?: number }
  /** It was not its turn: the same step again after `afterSeconds`. No attempt was spent. */
  | { readonly kind: 'deferred'; readonly failure: Failure; readonly afterSeconds: number }
  /** It may have happened. The truth has to be looked up before anything is done again, and then after as long as was asked. */
  | { readonly kind: 'unknown'; readonly failure: Failure; readonly afterSeconds?: number }
  /** Nothing happened, and nothing will until the account is connected (again). */
  | { readonly kind: 'needsAccount'; readonly failure: Failure }
  /** Nothing happened, and nothing will until what holds the job is lifted; then it goes on by itself. */
  | { readonly kind: 'held'; readonly failure: Failure }
  /** The open post can be of no use any more: it is not sent, and another one has to be opened. */
  | { readonly kind: 'outdated'; readonly failure: Failure }
  /** Nothing happened, and nothing will until a person has acted. */
  | { readonly kind: 'needsPerson'; readonly failure: Failure }
  /** It will never happen. */
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** From the runtime: the step has failed all its workers. */
  | { readonly kind: 'exhausted'; readonly leaseAttempts: number }

/** A step's error as it arrives in a machine; anything unreadable takes the safest class. */
export function stepErrorOf(event: object): StepError {
  const error = 'error' in event ? event.error : undefined
  if (typeof error === 'object' && error !== null && 'kind' in error) return error as StepError
  return { kind: 'unknown', failure: unreadable }
}

const unreadable: Failure = {
  verdict: 'OUTCOME_UNKNOWN',
  code: 'UNREADABLE_OUTCOME',
  message: 'A step answered something that this version does not understand.',
}

/** What a person is told of a step's error. */
export function failureOf(error: StepError): Failure {
  if (error.kind !== 'exhausted') return error.failure
  return {
    verdict: 'NEEDS_OPERATOR',
    code: 'STEP_KEEPS_FAILING',
    message: `The step ended its worker or threw ${error.leaseAttempts} times. The log has the cause; retry the job after it is mended.`,
  }
}

/** How long the upstream, or our own limits, asked to wait. */
export function afterSecondsOf(error: StepError): number {
  return 'afterSeconds' in error ? (error.afterSeconds ?? 0) : 0
}

/** What a machine keeps of a step whose turn it was not: its attempts stay as they are. */
export function deferral(event: object) {
  const error = stepErrorOf(event)
  return { afterSeconds: afterSecondsOf(error), failure: failureOf(error) }
}

/** What a machine keeps of a step that was tried in vain: one more attempt, and when the next one makes sense. */
export function retryRecord({ attempts }: { readonly attempts: number }, event: object) {
  return { ...deferral(event), attempts: attempts + 1 }
}
