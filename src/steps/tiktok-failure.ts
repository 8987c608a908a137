import type { Failure, StepError } from '../../machines/rules/failure.ts'
import type { StepOutcome } from '../durable/step.ts'
import type { CallFailure as TikTokFailure } from '../providers/tiktok/http/answer.ts'
import { countUnrecognised } from '../store/webhook/unrecognised-codes.ts'
import { verdictFor } from '../verdict/failure-verdict.ts'
import { codeOf, failureOfAnswer } from '../verdict/tiktok-answer.ts'
import type { VerdictSource } from '../verdict/verdict-row.ts'
import { accessRefused } from './account/access-token.ts'
import { fail } from './failure.ts'
import type { StepDeps } from './step-deps.ts'

/** TikTok's window is a minute long. */
const windowSeconds = 60
/** A cap of a day opens bit by bit: look again a few times until it has. */
const capSeconds = 4 * 3_600

/** What a call was for: it decides what an answer means. */
export interface Call {
  readonly organizationId: string
  readonly accountId: string
  /** Of the tokens that were shown. */
  readonly version: number
  /** Whether it creates something: then silence is not a reason to repeat it. */
  readonly creates?: boolean
}

/** What an answer of TikTok's other than "ok" means for the step that asked. */
export async function notOk(deps: StepDeps, call: Call, answer: TikTokFailure): Promise<StepOutcome> {
  const failure = await recognised(deps, call.organizationId, 'api', answer)
  return fail(await errorOf(deps, call, answer, failure))
}

async function errorOf(
  deps: StepDeps,
  call: Call,
  answer: TikTokFailure,
  failure: Failure,
): Promise<StepError> {
  switch (answer.kind) {
    case 'rateLimited':
      return { kind: 'deferred', afterSeconds: answer.retryAfterSeconds ?? windowSeconds, failure }
    case 'deferred':
      return { kind: 'deferred', afterSeconds: answer.afterSeconds, failure }
    case 'notSent':
      return { kind: 'retry', failure }
    case 'unknown': {
      const asked = answer.retryAfterSeconds === undefined ? {} : { afterSeconds: answer.retryAfterSeconds }
      return call.creates
        ? { kind: 'unknown', ...asked, failure: { ...failure, verdict: 'OUTCOME_UNKNOWN' } }
        : { kind: 'retry', ...asked, failure }
    }
    case 'unauthorized':
      return answer.code === 'access_token_invalid' || answer.code === 'http_401'
        ? await accessRefused(deps, call, call.version)
        : { kind: 'needsAccount', failure }
    case 'refused':
      return errorOfVerdict(call, failure)
  }
}

function errorOfVerdict(call: Call, failure: Failure): StepError {
  switch (failure.verdict) {
    case 'RETRY_AFTER':
      return { kind: 'retry', failure }
    case 'WAIT_CAP':
      return { kind: 'deferred', afterSeconds: capSeconds, failure }
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

/** The same, and a code that the table does not know is counted. */
async function recognised(
  { db }: StepDeps,
  organizationId: string,
  source: 'api' | 'oauth',
  answer: TikTokFailure,
): Promise<Failure> {
  const failure = failureOfAnswer(source, answer)
  const { code, httpStatus } = codeOf(answer)
  await countIfUnknown(
    db,
    organizationId,
    source,
    failure,
    answer.kind === 'deferred' || verdictFor(source, code, httpStatus).recognised,
  )
  return failure
}

async function countIfUnknown(
  db: StepDeps['db'],
  organizationId: string,
  source: VerdictSource,
  { code, logId }: Failure,
  known: boolean,
): Promise<void> {
  if (!known) await countUnrecognised(db, organizationId, { source, code, ...(logId && { logId }) })
}

/** What a post's `fail_reason` means, and whether TikTok allows a fresh attempt. */
export async function rejection(
  db: StepDeps['db'],
  organizationId: string,
  reason: string,
): Promise<{ readonly again: boolean; readonly afterSeconds?: number; readonly failure: Failure }> {
  const { verdict, recognised: known } = verdictFor('post', reason)
  const failure: Failure = {
    verdict: verdict.verdict,
    code: reason,
    message: verdict.meaning,
    source: 'post',
  }
  await countIfUnknown(db, organizationId, 'post', failure, known)
  const { canPostAgain = false, afterSeconds } = verdict
  return { again: canPostAgain, ...(afterSeconds !== undefined && { afterSeconds }), failure }
}
