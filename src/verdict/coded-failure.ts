import type { Failure } from '../../machines/rules/failure.ts'
import { verdictFor } from './failure-verdict.ts'
import type { VerdictSource } from './verdict-row.ts'

/** Details of a failure besides its code. */
export interface FailureDetails {
  /** Determines the verdict of a code that is not in the table. */
  readonly httpStatus?: number
  readonly logId?: string | undefined
  /** The response that could not be read, without secrets. */
  readonly answer?: string | undefined
}

/** Creates the failure of a code, with the verdict and the meaning from the verdict table. */
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
