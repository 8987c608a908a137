import type { Failure } from '../../machines/rules/failure.ts'
import type { CallFailure as TikTokFailure } from '../providers/tiktok/http/answer.ts'
import { verdictFor } from './failure-verdict.ts'

/** An answer in words. */
export function failureOfAnswer(source: 'api' | 'oauth', answer: TikTokFailure): Failure {
  const { code, httpStatus } = codeOf(answer)
  const spokenBy = answer.kind === 'deferred' ? 'reelpilot' : source
  const { verdict } = verdictFor(spokenBy, code, httpStatus)
  return {
    verdict: verdict.verdict,
    code,
    message: verdict.meaning,
    source: spokenBy,
    ...('logId' in answer && answer.logId && { logId: answer.logId }),
    ...('raw' in answer && answer.raw && { answer: answer.raw }),
  }
}

export function codeOf(answer: TikTokFailure): { readonly code: string; readonly httpStatus?: number } {
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
