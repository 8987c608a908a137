import type { Failure } from '../rules/failure.ts'

/** TikTok's rejection of a post: the same fields in a webhook and in a step's output. */
interface Rejection {
  /** Whether TikTok allows a fresh post. */
  readonly canRetry: boolean
  readonly afterSeconds?: number
  readonly failure: Failure
}

export function rejectionOf(event: object): Rejection | undefined {
  const received = 'output' in event ? event.output : event
  return typeof received === 'object' && received !== null && 'canRetry' in received && 'failure' in received
    ? (received as Rejection)
    : undefined
}

export function outputKindOf(event: object): unknown {
  const output = 'output' in event ? event.output : undefined
  return typeof output === 'object' && output !== null && 'kind' in output ? output.kind : undefined
}

/** The failure of a job that ends: its verdict no longer promises a retry. */
export const asFinal = (failure: Failure): Failure =>
  failure.verdict === 'RETRY_AFTER' ? { ...failure, verdict: 'PERMANENT' } : failure

/**
 * The failure of a job that waits for a person. A verdict that promises an automatic retry, or says that nothing helps,
 * becomes the operator's task; a missing failure is replaced, so that a person always reads what to do.
 */
export const asPersonTask = (failure: Failure | null): Failure => {
  if (failure === null) return unexplained
  const promisesRetry = failure.verdict === 'RETRY_AFTER' || failure.verdict === 'WAIT_CAP'
  return promisesRetry || failure.verdict === 'PERMANENT'
    ? { ...failure, verdict: 'NEEDS_OPERATOR' }
    : failure
}

const unexplained: Failure = {
  verdict: 'NEEDS_OPERATOR',
  code: 'UNEXPLAINED',
  message: 'The job could not continue. Find the cause in the log, then retry the job.',
}

/** TikTok reported nothing final within the time that a post is watched. */
export const unconfirmed = {
  verdict: 'OUTCOME_UNKNOWN',
  code: 'UNCONFIRMED',
  message:
    'TikTok has reported nothing final for 72 hours. Check the profile; retry the job to watch on. It is never posted again.',
} as const
