import type { ChunkAnswer } from '../post/put-chunk.ts'
import type { Answer } from './answer.ts'

/** The account that a call is made for. */
export interface Caller {
  readonly organizationId: string
  readonly accountId: string
  /** What repeats a deferred call: a job's id, or the account's id for calls of its own. Rate limits reserve a slot for it. */
  readonly requester: string
}

/** A call, as rate limiters and circuit breakers see it. */
export interface GuardedCall {
  readonly endpoint:
    | 'token'
    | 'revoke'
    | 'creatorInfo'
    | 'videoInit'
    | 'inboxInit'
    | 'photoInit'
    | 'upload'
    | 'status'
    | 'cancel'
    | 'userInfo'
    | 'videoList'
    | 'videoQuery'
  readonly caller?: Caller
  /** 1-based attempt number; attempts after the first count against the retry budget. */
  readonly attempt?: number
}

/**
 * Runs before every call. It runs `run` once and returns its answer, or returns `deferred` without running it, so that
 * nothing is sent. Errors that `run` throws (a chunk's body may throw) pass through.
 */
export type Guard = <Value>(call: GuardedCall, run: () => Promise<Answer<Value>>) => Promise<Answer<Value>>

/**
 * Guards a chunk's upload. A chunk's answer is a union of its own, because the upload host has no error codes; the guard
 * receives it translated into an `Answer`, so that a failing upload host counts as a failure.
 */
export async function guardChunk(
  guard: Guard,
  call: GuardedCall,
  run: () => Promise<ChunkAnswer>,
): Promise<ChunkAnswer> {
  const sent: { answer?: ChunkAnswer } = {}
  const answer = await guard(call, async () => {
    sent.answer = await run()
    return toAnswer(sent.answer)
  })
  if (sent.answer) return sent.answer
  if (answer.kind === 'deferred') return answer
  throw new TypeError(`the guard returned ${answer.kind} for a call that it did not run`)
}

function toAnswer(answer: ChunkAnswer): Answer<unknown> {
  switch (answer.kind) {
    case 'retry': {
      const { kind: _, httpStatus, ...retryAfter } = answer
      return httpStatus === 429
        ? { kind: 'rateLimited', ...retryAfter }
        : { kind: 'unknown', cause: 'serverError', httpStatus, ...retryAfter }
    }
    case 'notSent':
    case 'deferred':
    case 'unknown':
      return answer
    default:
      // The host works. What it says about this chunk is not the guard's concern.
      return { kind: 'ok' }
  }
}
