import type { Verdict } from '../../machines/rules/failure.ts'

/**
 * The source of a code: `api` for TikTok's response envelope, `oauth` for its OAuth endpoints, `post` for the fail reason of
 * a post, `upload` for an HTTP status of the upload host such as `http_403`, `reelpilot` for our own codes.
 */
export type VerdictSource = 'api' | 'oauth' | 'post' | 'upload' | 'reelpilot'

/** What a code means, and what a person can do about it. */
export interface FailureVerdict {
  readonly source: VerdictSource
  readonly code: string
  /** The HTTP status that TikTok sends with the code. */
  readonly httpStatus?: number
  readonly verdict: Verdict
  /** What happened, for readers who do not know TikTok's documentation. */
  readonly meaning: string
  /** What a creator, planner or operator does now, in one or two sentences. */
  readonly nextStep: string
  /** Seconds after which a retry can succeed; for a cap, its whole window. */
  readonly afterSeconds?: number
  /** Only for `post`: whether TikTok allows another init of the unchanged post. */
  readonly canPostAgain?: boolean
}

/** Creates the rows of one source, keyed by code, so that no code can appear twice. */
export function verdictsOf(
  source: VerdictSource,
  rows: Readonly<Record<string, Omit<FailureVerdict, 'source' | 'code'>>>,
): readonly FailureVerdict[] {
  return Object.entries(rows).map(([code, row]) => ({ source, code, ...row }))
}

export const minuteInSeconds = 60
export const dayInSeconds = 86_400
