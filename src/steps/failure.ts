import type { Failure, Verdict } from '../../machines/rules/failure.ts'
import type { StepContext } from '../durable/step.ts'
import { failureOfCode } from '../verdict/coded-failure.ts'
import { plainMessage } from '../verdict/plain-message.ts'
import type { StepReport } from './step-report.ts'

/** A failure of our own with a message that names this case. A message with a stack or a path is replaced by its code's meaning. */
export function ownFailure(verdict: Verdict, code: string, message: string): Failure {
  return { verdict, code, message: plainMessage({ code, message }) }
}

/** The failure that our own code stands for. Its cause is reported to the log and never shown to people. */
export function failureWithCause(
  { report }: { readonly report?: (report: StepReport) => void },
  { jobId }: Pick<StepContext, 'jobId'>,
  code: string,
  cause: unknown,
): Failure {
  report?.({ kind: 'failed', code, jobId, cause })
  return failureOfCode('reelpilot', code)
}
