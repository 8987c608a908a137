import type { ChunkAnswer } from '../post/put-chunk.ts'
import type { Answer } from './answer.ts'

/** For whom a call is made. */
export interface Caller {
  readonly organizationId: string
  readonly accountId: string
  /** Who comes again when its turn has come: the job, or the account for calls of its own. */
  readonly requester: string
}

/** A call as a limiter and a breaker know it. */
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
  /** The how many-eth attempt it is, 1 being the first: what is more is a retry, and goes to the retries' budget. */
  readonly attempt?: number
}

/**
 * Stands before every call: runs it, once, and hands its answer on; or turns it away with `held`, and then nothing was
 * sent. What `run` throws (a chunk's body may) it lets through.
 */
export type Guard = <Value>(call: GuardedCall, run: () => Promise<Answer<Value>>) => Promise<Answer<Value>>

/**
 * A chunk's call, guarded. Its answer is a union of its own, because the upload host has no codes; the guard is told it in
 * the words of all other calls, so that an ailing host counts as one.
 */
export async function guardChunk(
  guard: Guard,
  call: GuardedCall,
  run: () => Promise<ChunkAnswer>,
): Promise<ChunkAnswer> {
  const sent: { answer?: ChunkAnswer } = {}
  const answer = await guard(call, async () => {
    sent.answer = await run()
    return inGeneralTerms(sent.answer)
  })
  if (sent.answer) return sent.answer
  if (answer.kind === 'deferred') return answer
  throw new TypeError(`a guard answered ${answer.kind} for a call that it did not run`)
}

function inGeneralTerms(answer: ChunkAnswer): Answer<unknown> {
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
      // The host is well; what it says about this chunk does not concern a guard.
      return { kind: 'ok' }
  }
}
