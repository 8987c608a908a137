import type { Failure } from '../../machines/rules/failure.ts'
import type { CallFailure } from '../providers/tiktok/http/answer.ts'
import { failureOfCode } from './coded-failure.ts'
import { verdictFor } from './failure-verdict.ts'

/** The failure of a call to TikTok. A deferred call has a code of our own, because TikTok was not called. */
export function failureOfAnswer(source: 'api' | 'oauth', answer: CallFailure): Failure {
  const { code, httpStatus } = codeOf(answer)
  return failureOfCode(answer.kind === 'deferred' ? 'reelpilot' : source, code, {
    ...(httpStatus !== undefined && { httpStatus }),
    ...('logId' in answer && { logId: answer.logId }),
    ...('raw' in answer && { answer: answer.raw }),
  })
}

function codeOf(answer: CallFailure): { readonly code: string; readonly httpStatus?: number } {
  switch (answer.kind) {
    case 'rateLimited':
      return { code: 'rate_limit_exceeded', httpStatus: 429 }
    case 'deferred':
      return { code: answer.reason }
    case 'notSent':
    case 'unauthorized':
      return { code: answer.code }
    case 'unknown':
      return {
        code: answer.code ?? answer.cause,
        ...(answer.httpStatus !== undefined && { httpStatus: answer.httpStatus }),
      }
    case 'refused':
      return { code: answer.code, httpStatus: answer.httpStatus }
  }
}

/** Why TikTok rejected a post, and whether it may be opened again. */
export interface PostRejection {
  /** Whether TikTok permits another init of the unchanged post. */
  readonly canRetry: boolean
  /** Seconds to wait before that init. */
  readonly afterSeconds?: number
  readonly failure: Failure
  /** False for a reason that is not in the verdict table; it is counted, so that a row can be added. */
  readonly isRecognised: boolean
}

/** Interprets the `fail_reason` of the status call or the `reason` of the webhook. An empty one counts as `unspecified`. */
export function postRejection(reason: string | undefined): PostRejection {
  const code = reason || 'unspecified'
  const { verdict, recognised } = verdictFor('post', code)
  const { canPostAgain = false, afterSeconds } = verdict
  return {
    canRetry: canPostAgain,
    ...(afterSeconds !== undefined && { afterSeconds }),
    failure: failureOfCode('post', code),
    isRecognised: recognised,
  }
}
