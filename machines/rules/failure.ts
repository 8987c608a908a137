/**
 * What has to happen before a retry makes sense. The table of TikTok's codes maps onto these.
 */
export type Verdict =
  | 'RETRY_AFTER'
  | 'WAIT_CAP'
  | 'NEEDS_USER'
  | 'NEEDS_OPERATOR'
  | 'FIX_MEDIA'
  | 'PERMANENT'
  | 'OUTCOME_UNKNOWN'

/** A failure: a message for people and a code for programs. */
export interface Failure {
  readonly verdict: Verdict
  readonly code: string
  readonly message: string
  /** Where the code comes from, such as `post` for TikTok's fail reasons. Default: our own. */
  readonly source?: string
  /** TikTok's log id of the call, for its support. */
  readonly logId?: string
  /** The unreadable response, without secrets. */
  readonly answer?: string
}

/** A step's error. */
export type StepError =
  /** Nothing happened; the step is retried after a back-off. `afterSeconds` is the upstream's `Retry-After`. */
  | { readonly kind: 'retry'; readonly failure: Failure; readonly afterSeconds?: number }
  /** Deferred by our own limits: the step is performed again after `afterSeconds`, without consuming an attempt. */
  | { readonly kind: 'deferred'; readonly failure: Failure; readonly afterSeconds: number }
  /** It may have happened. The outcome must be looked up before a retry, which waits at least `afterSeconds`. */
  | { readonly kind: 'unknown'; readonly failure: Failure; readonly afterSeconds?: number }
  /** Nothing happened; the account must be connected first. */
  | { readonly kind: 'needsAccount'; readonly failure: Failure }
  /** Nothing happened; the job continues when its hold is lifted. */
  | { readonly kind: 'held'; readonly failure: Failure }
  /** The open post can no longer be used; another one must be opened. */
  | { readonly kind: 'outdated'; readonly failure: Failure }
  /** Nothing happened; a person must act first. */
  | { readonly kind: 'needsPerson'; readonly failure: Failure }
  /** It can never succeed. */
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** From the runtime: the step failed in `maxLeaseAttempts` workers. */
  | { readonly kind: 'exhausted'; readonly leaseAttempts: number }

/** The step error in an event. An unreadable one becomes `unknown`, the safest class. */
export function stepErrorOf(event: object): StepError {
  const error = 'error' in event ? event.error : undefined
  if (typeof error === 'object' && error !== null && 'kind' in error) return error as StepError
  return { kind: 'unknown', failure: unreadable }
}

const unreadable: Failure = {
  verdict: 'OUTCOME_UNKNOWN',
  code: 'UNREADABLE_OUTCOME',
  message: 'A step returned an outcome that this version does not understand.',
}

/** The failure that people read for a step's error. */
export function failureOf(error: StepError): Failure {
  if (error.kind !== 'exhausted') return error.failure
  return {
    verdict: 'NEEDS_OPERATOR',
    code: 'STEP_KEEPS_FAILING',
    message: `The step ended its worker or threw ${error.leaseAttempts} times. The log has the cause; retry the job after fixing it.`,
  }
}

/** The delay that the upstream or our own limits requested. */
export function afterSecondsOf(error: StepError): number {
  return 'afterSeconds' in error ? (error.afterSeconds ?? 0) : 0
}

/** The context after a deferred step: no attempt is counted. */
export function deferral(event: object) {
  const error = stepErrorOf(event)
  return { afterSeconds: afterSecondsOf(error), failure: failureOf(error) }
}

/** The context after a failed attempt: the attempt counts, and the requested delay is kept. */
export function retryRecord({ attempts }: { readonly attempts: number }, event: object) {
  return { ...deferral(event), attempts: attempts + 1 }
}
