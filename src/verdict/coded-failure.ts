import type { Failure } from '../../machines/rules/failure.ts'
import { verdictFor } from './failure-verdict.ts'
import type { VerdictSource } from './verdict-row.ts'

/** What is known about a failure besides its code. */
export interface FailureDetails {
  /** Decides the verdict of a code that the table does not have. */
  readonly httpStatus?: number
  readonly logId?: string | undefined
  /** The unreadable answer, without secrets. */
  readonly answer?: string | undefined
}

/** The failure that a code stands for: its verdict and its meaning come from the verdict table. */
export function failureOfCode(
  source: VerdictSource,
  code: string,
  { httpStatus, logId, answer }: FailureDetails = {},
): Failure {
  const { verdict, meaning } = verdictFor(source, code, httpStatus).verdict
  return {
    verdict,
    code,
    message: meaning,
    source,
    ...(logId && { logId }),
    ...(answer && { answer }),
  }
}
