import type { Failure, StepError, Verdict } from '../../machines/failure.ts'
import type { Failure as TikTokFailure } from '../providers/tiktok/answer.ts'
import { failure } from './failure.ts'

/** What a refusal by code means; a code that is not here takes its HTTP status's class. */
const verdicts: Readonly<Record<string, readonly [Verdict, string]>> = {
  spam_risk_too_many_posts: ['WAIT_CAP', 'The creator has posted as much as TikTok allows in 24 hours.'],
  reached_active_user_cap: ['NEEDS_OPERATOR', 'The app has reached its cap of users in 24 hours.'],
  spam_risk_user_banned_from_posting: ['NEEDS_USER', 'TikTok has banned this creator from posting.'],
  unaudited_client_can_only_post_to_private_accounts: [
    'NEEDS_OPERATOR',
    'The app is not audited: it can post only to private accounts, and only for the creator to see.',
  ],
  privacy_level_option_mismatch: ['NEEDS_USER', 'The creator does not offer this privacy level any more.'],
  access_token_invalid: ['NEEDS_USER', 'The account has to be connected again.'],
  scope_not_authorized: ['NEEDS_USER', 'The account has to be connected again, with the permission to post.'],
}

const dayInSeconds = 86_400

/** What an answer of TikTok's other than "ok" means for a step that may be repeated. */
export function tiktokError(answer: TikTokFailure): StepError {
  switch (answer.kind) {
    case 'rateLimited':
      return {
        kind: 'retry',
        afterSeconds: answer.retryAfterSeconds ?? 60,
        failure: failure('RETRY_AFTER', 'rate_limit_exceeded', 'TikTok asks to slow down.', answer.logId),
      }
    case 'notSent':
      return { kind: 'retry', failure: failure('RETRY_AFTER', answer.code, 'TikTok is out of reach.') }
    case 'unknown':
      return {
        kind: 'retry',
        ...(answer.retryAfterSeconds !== undefined && { afterSeconds: answer.retryAfterSeconds }),
        failure: failure(
          'RETRY_AFTER',
          answer.code ?? answer.cause,
          'TikTok gave no usable answer.',
          answer.logId,
        ),
      }
    case 'unauthorized':
      return { kind: 'needsPerson', failure: refusal(answer.code, answer.logId) }
    case 'refused': {
      const what = refusal(answer.code, answer.logId)
      return what.verdict === 'WAIT_CAP'
        ? { kind: 'retry', afterSeconds: dayInSeconds / 4, failure: what }
        : { kind: 'needsPerson', failure: what }
    }
  }
}

/** The same for a call that creates something: what got no answer may have been done. */
export function tiktokCreationError(answer: TikTokFailure): StepError {
  const error = tiktokError(answer)
  return answer.kind === 'unknown'
    ? { kind: 'unknown', failure: { ...failureOfError(error), verdict: 'OUTCOME_UNKNOWN' } }
    : error
}

function failureOfError(error: StepError): Failure {
  return error.kind === 'exhausted' ? failure('NEEDS_OPERATOR', 'exhausted', '') : error.failure
}

function refusal(code: string, logId?: string): Failure {
  const [verdict, message] = verdicts[code] ?? [
    'NEEDS_OPERATOR' as const,
    `TikTok refused the request: ${code}.`,
  ]
  return failure(verdict, code, message, logId)
}

/** What a post's `fail_reason` means, and whether TikTok allows a fresh attempt. */
export function postFailure(reason: string): { readonly again: boolean; readonly failure: Failure } {
  if (reason === 'internal')
    return { again: true, failure: failure('RETRY_AFTER', reason, 'TikTok failed on its side.') }
  if (/^(file_format|duration|frame_rate|picture_size)_check_failed$/.test(reason))
    return {
      again: false,
      failure: failure('FIX_MEDIA', reason, `TikTok does not take this video: ${reason}.`),
    }
  if (reason === 'auth_removed')
    return { again: false, failure: failure('NEEDS_USER', reason, 'The creator has removed the app.') }
  return { again: false, failure: failure('PERMANENT', reason, `TikTok rejected the post: ${reason}.`) }
}
