import type { FailureVerdict, VerdictSource } from './failure-verdict.ts'

/** Rows of one source, keyed by code, so that no code can stand there twice. */
export function verdictsOf(
  source: VerdictSource,
  rows: Readonly<Record<string, Omit<FailureVerdict, 'source' | 'code'>>>,
): readonly FailureVerdict[] {
  return Object.entries(rows).map(([code, row]) => ({ source, code, ...row }))
}

export const minuteInSeconds = 60
export const dayInSeconds = 86_400
