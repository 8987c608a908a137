import type { Verdict } from '../../machines/rules/failure.ts'

/**
 * Whose word a code is: `api` an error code in TikTok's envelope, `oauth` one of its sign-in endpoints, `post` a post's
 * fail reason, `upload` the upload host's bare HTTP status as `http_403`, `reelpilot` our own.
 */
export type VerdictSource = 'api' | 'oauth' | 'post' | 'upload' | 'reelpilot'

/** What one code means, and what a person can do about it. */
export interface FailureVerdict {
  readonly source: VerdictSource
  readonly code: string
  /** The HTTP status that the code comes with; it says nothing that the code does not. */
  readonly httpStatus?: number
  readonly verdict: Verdict
  /** What happened, for somebody who has never read TikTok's documents. */
  readonly meaning: string
  /** What a creator, planner or operator does now, in a plain sentence or two. */
  readonly nextStep: string
  /** After how long waiting helps; of a cap, its whole window. */
  readonly afterSeconds?: number
  /** Of a `post` reason: whether TikTok allows a fresh init for the same post, without anybody having changed it. */
  readonly canPostAgain?: boolean
}

/** Rows of one source, keyed by code, so that no code can stand there twice. */
export function verdictsOf(
  source: VerdictSource,
  rows: Readonly<Record<string, Omit<FailureVerdict, 'source' | 'code'>>>,
): readonly FailureVerdict[] {
  return Object.entries(rows).map(([code, row]) => ({ source, code, ...row }))
}

export const minuteInSeconds = 60
export const dayInSeconds = 86_400
