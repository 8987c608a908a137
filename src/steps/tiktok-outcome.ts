import type { Failure, StepError } from '../../machines/rules/failure.ts'
import type { StepOutcome } from '../durable/step.ts'
import type { CallFailure } from '../providers/tiktok/http/answer.ts'
import { countUnrecognised } from '../store/webhook/unrecognised-codes.ts'
import { verdictFor } from '../verdict/failure-verdict.ts'
import { failureOfAnswer } from '../verdict/tiktok-answer.ts'
import type { VerdictSource } from '../verdict/verdict-row.ts'
import { tokenRefused } from './account/access-token.ts'
import { failed } from './outcome.ts'
import type { StepDeps } from './step-deps.ts'

/** TikTok's rate limit windows last a minute. */
const defaultRateLimitSeconds = 60
/** A daily cap frees up gradually: the step is repeated a few times a day until it succeeds. */
const capRetrySeconds = 4 * 3_600

/** The purpose of a call, which decides what its answer means. */
export interface AccountCall {
  readonly organizationId: string
  readonly accountId: string
  /** The version of the tokens that the call used. */
  readonly version: number
  /** Whether the call creates something: then it must not be repeated while its outcome is unknown. */
  readonly creates?: boolean
}

/** The step outcome for an answer of TikTok's other than "ok". A code that the verdict table does not have is counted. */
export async function outcomeOfAnswer(
  deps: StepDeps,
  call: AccountCall,
  answer: CallFailure,
): Promise<StepOutcome> {
  const failure = failureOfAnswer('api', answer)
  if (answer.kind !== 'deferred') await countIfUnrecognised(deps, call.organizationId, 'api', failure)
  return failed(await errorOf(deps, call, answer, failure))
}

async function errorOf(
  deps: StepDeps,
  call: AccountCall,
  answer: CallFailure,
  failure: Failure,
): Promise<StepError> {
  switch (answer.kind) {
    case 'rateLimited':
      return { kind: 'deferred', afterSeconds: answer.retryAfterSeconds ?? defaultRateLimitSeconds, failure }
    case 'deferred':
      return { kind: 'deferred', afterSeconds: answer.afterSeconds, failure }
    case 'notSent':
      return { kind: 'retry', failure }
    case 'unknown': {
      const { retryAfterSeconds: afterSeconds } = answer
      const wait = afterSeconds === undefined ? {} : { afterSeconds }
      return call.creates
        ? { kind: 'unknown', ...wait, failure: { ...failure, verdict: 'OUTCOME_UNKNOWN' } }
        : { kind: 'retry', ...wait, failure }
    }
    case 'unauthorized':
      return answer.code === 'access_token_invalid' || answer.code === 'http_401'
        ? await tokenRefused(deps, call, call.version)
        : { kind: 'needsAccount', failure }
    case 'refused':
      return errorOfVerdict(call, failure)
  }
}

function errorOfVerdict(call: AccountCall, failure: Failure): StepError {
  switch (failure.verdict) {
    case 'RETRY_AFTER':
      return { kind: 'retry', failure }
    case 'WAIT_CAP':
      return { kind: 'deferred', afterSeconds: capRetrySeconds, failure }
    case 'PERMANENT':
      return { kind: 'failed', failure }
    case 'OUTCOME_UNKNOWN':
      return call.creates ? { kind: 'unknown', failure } : { kind: 'retry', failure }
    case 'NEEDS_USER':
    case 'NEEDS_OPERATOR':
    case 'FIX_MEDIA':
      return { kind: 'needsPerson', failure }
  }
}

/** Counts a code that the verdict table does not have, so that an operator sees it and a row can be added. */
export async function countIfUnrecognised(
  { db }: Pick<StepDeps, 'db'>,
  organizationId: string,
  source: VerdictSource,
  { code, logId }: Failure,
): Promise<void> {
  if (verdictFor(source, code).recognised) return
  await countUnrecognised(db, organizationId, { source, code, ...(logId && { logId }) })
}
