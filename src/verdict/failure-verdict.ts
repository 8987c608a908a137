import type { Failure, Verdict } from '../../machines/rules/failure.ts'
import { apiVerdicts } from './api-verdict.ts'
import { networkCauseOf, networkVerdicts } from './network-verdict.ts'
import { oauthVerdicts } from './oauth-verdict.ts'
import { ownVerdicts } from './own-verdict.ts'
import { postVerdicts } from './post-verdict.ts'
import { uploadVerdicts } from './upload-verdict.ts'
import type { FailureVerdict, VerdictSource } from './verdict-row.ts'
import { videoVerdicts } from './video-verdict.ts'

/** Every code that is known, once. A code that ends in `5xx` stands for each of the hundred. */
export const failureVerdicts: readonly FailureVerdict[] = [
  ...apiVerdicts,
  ...oauthVerdicts,
  ...postVerdicts,
  ...uploadVerdicts,
  ...networkVerdicts,
  ...videoVerdicts,
  ...ownVerdicts,
]

/**
 * What a code means. One that nobody has documented takes the safest class of its source, with `recognised: false`, so
 * that it can be counted and then be given a row.
 *
 * What the network did (`timeout`, `ECONNRESET`) is known for every source but `post`, which no network speaks through.
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
 * What a person does about a failure: the sentence of its code, or else of its verdict.
 *
 * A step may know more than the code says, such as that a read that timed out is simply repeated; where its verdict is
 * another than the table's, the table's sentence would mislead. Without a source our own codes are looked at first.
 */
export function nextStepFor({ source, code, verdict }: Pick<Failure, 'source' | 'code' | 'verdict'>): string {
  const spoken = source === undefined ? sources : sources.filter((known) => known === source)
  const rowOfVerdict = spoken.map((known) => rowFor(known, code)).find((row) => row?.verdict === verdict)
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
          "The operator looks the code up in TikTok's documents. The post is not opened again by itself.",
        canPostAgain: false,
      }
    case 'upload':
      return unknownAnswer('OUTCOME_UNKNOWN')
    case 'reelpilot':
      return {
        verdict: 'NEEDS_OPERATOR',
        meaning: 'It failed for a reason that this version has no words for.',
        nextStep: nextSteps.NEEDS_OPERATOR,
      }
  }
}

function unknownAnswer(verdict: Verdict): Safest {
  const meaning = 'TikTok answered something that this version does not know.'
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
  RETRY_AFTER: 'Nothing needs doing: it is tried again by itself.',
  WAIT_CAP: 'Nothing needs doing: it goes on by itself once the cap has room again.',
  NEEDS_USER: 'The creator has to act, most often by connecting the account again.',
  NEEDS_OPERATOR: 'The operator looks into it, with the log and the log id; then retry the job.',
  FIX_MEDIA: 'The planner changes the video or its text and plans the post again.',
  PERMANENT: 'Nothing helps this one any more: plan a new post if it is still wanted.',
  OUTCOME_UNKNOWN: "Look at the creator's profile before anything is posted again: it may have happened.",
}
