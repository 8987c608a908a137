import type { Failure } from '../../machines/rules/failure.ts'
import type { CallFailure } from '../providers/tiktok/http/answer.ts'
import { failureOfCode } from './coded-failure.ts'
import { verdictFor } from './failure-verdict.ts'

/** The failure that an answer of TikTok's stands for. A deferred call failed for our own reason, and TikTok was not called. */
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

/** Why TikTok failed a post, and what follows. */
export interface PostRejection {
  /** Whether TikTok permits another init of the same post, unchanged. */
  readonly canRetry: boolean
  /** How long to wait before that. */
  readonly afterSeconds?: number
  readonly failure: Failure
  /** False for a reason that the verdict table does not have; it is counted, so that a row can be added. */
  readonly isRecognised: boolean
}

/** What a failed post's reason means: `fail_reason` of the status call, `reason` of the webhook. Empty counts as `unspecified`. */
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
