import type { Failure, Verdict } from '../../machines/rules/failure.ts'
import { apiVerdicts } from './api-verdict.ts'
import { networkCauseOf, networkVerdicts } from './network-verdict.ts'
import { oauthVerdicts } from './oauth-verdict.ts'
import { ownVerdicts } from './own-verdict.ts'
import { postVerdicts } from './post-verdict.ts'
import { storageVerdicts } from './storage-verdict.ts'
import { uploadVerdicts } from './upload-verdict.ts'
import type { FailureVerdict, VerdictSource } from './verdict-row.ts'
import { videoVerdicts } from './video-verdict.ts'

/** All known codes, each once. A code that ends in `5xx` covers all hundred statuses. */
export const failureVerdicts: readonly FailureVerdict[] = [
  ...apiVerdicts,
  ...oauthVerdicts,
  ...postVerdicts,
  ...uploadVerdicts,
  ...networkVerdicts,
  ...videoVerdicts,
  ...storageVerdicts,
  ...ownVerdicts,
]

/**
 * The verdict of a code. An undocumented code gets the safest class of its source and `recognised: false`, so that it is
 * counted and a row can be added.
 *
 * Network failures (`timeout`, `ECONNRESET`) are recognised for every source except `post`, whose codes are fail reasons only.
 */
export function verdictFor(
  source: VerdictSource,
  code: string,
  httpStatus?: number,
): { readonly verdict: FailureVerdict; readonly recognised: boolean } {
  const row = rowFor(source, code)
  if (row) return { verdict: { ...row, code }, recognised: true }
  const status = httpStatus ?? statusIn(code)
  const safest = safestOf(source, status)
  return {
    verdict: { ...safest, source, code, ...(status !== undefined && { httpStatus: status }) },
    recognised: false,
  }
}

/**
 * What a person should do about a failure: the text of its code, or else of its verdict.
 *
 * A step may know more than the code, for example that a read that timed out can be repeated. If its verdict differs from
 * the table's, the text of the code would mislead. Without a source, our own codes are searched first.
 */
export function nextStepFor({ source, code, verdict }: Pick<Failure, 'source' | 'code' | 'verdict'>): string {
  const candidates = source === undefined ? sources : sources.filter((known) => known === source)
  const rowOfVerdict = candidates.map((known) => rowFor(known, code)).find((row) => row?.verdict === verdict)
  return rowOfVerdict?.nextStep ?? nextSteps[verdict]
}

const sources: readonly VerdictSource[] = ['reelpilot', 'api', 'oauth', 'post', 'upload']

const rows: ReadonlyMap<string, FailureVerdict> = new Map(
  failureVerdicts.map((row) => [`${row.source}/${row.code}`, row]),
)

function rowFor(source: VerdictSource, code: string): FailureVerdict | undefined {
  const row = rows.get(`${source}/${code}`) ?? rows.get(`${source}/${code.replace(/^(http_5)\d\d$/, '$1xx')}`)
  return row || source === 'post' ? row : rows.get(`reelpilot/${networkCauseOf(code) ?? code}`)
}

function statusIn(code: string): number | undefined {
  const digits = /^http_(\d{3})$/.exec(code)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

type Safest = Pick<FailureVerdict, 'verdict' | 'meaning' | 'nextStep' | 'afterSeconds' | 'canPostAgain'>

function safestOf(source: VerdictSource, httpStatus: number | undefined): Safest {
  switch (source) {
    case 'api':
    case 'oauth':
      return unknownAnswer(verdictOfStatus(httpStatus))
    case 'post':
      return {
        verdict: 'NEEDS_OPERATOR',
        meaning: 'TikTok rejected the post for a reason that this version does not know.',
        nextStep:
          "The operator looks the code up in TikTok's documentation. The post is not opened again automatically.",
        canPostAgain: false,
      }
    case 'upload':
      return unknownAnswer('OUTCOME_UNKNOWN')
    case 'reelpilot':
      return {
        verdict: 'NEEDS_OPERATOR',
        meaning: 'The step failed for a reason that this version does not know.',
        nextStep: nextSteps.NEEDS_OPERATOR,
      }
  }
}

function unknownAnswer(verdict: Verdict): Safest {
  const meaning = 'TikTok returned an answer that this version does not know.'
  return { verdict, meaning, nextStep: nextSteps[verdict], ...(verdict === 'RETRY_AFTER' && minute) }
}

const minute = { afterSeconds: 60 }

function verdictOfStatus(httpStatus: number | undefined): Verdict {
  if (httpStatus === undefined) return 'NEEDS_OPERATOR'
  if (httpStatus === 429) return 'RETRY_AFTER'
  if (httpStatus === 401) return 'NEEDS_USER'
  return httpStatus >= 500 ? 'OUTCOME_UNKNOWN' : 'NEEDS_OPERATOR'
}

const nextSteps: Readonly<Record<Verdict, string>> = {
  RETRY_AFTER: 'No action needed: the step is retried automatically.',
  WAIT_CAP: 'No action needed: the job continues automatically once the cap allows it.',
  NEEDS_USER: 'The creator must act, usually by connecting the account again.',
  NEEDS_OPERATOR: 'The operator investigates with the log and the log id; then retry the job.',
  FIX_MEDIA: 'The planner changes the video or its text and plans the post again.',
  PERMANENT: 'This failure is permanent: plan a new post if it is still wanted.',
  OUTCOME_UNKNOWN:
    "Check the creator's profile before anything is posted again: the call may have succeeded.",
}
