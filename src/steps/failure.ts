import type { Failure, StepError, Verdict } from '../../machines/rules/failure.ts'
import type { Json } from '../durable/checkpoint.ts'
import { notDone, type StepContext, type StepOutcome } from '../durable/step.ts'
import { verdictFor } from '../verdict/failure-verdict.ts'
import { plainMessage } from '../verdict/plain-message.ts'
import type { StepDeps } from './step-deps.ts'

/** A step's "not done", as the machines understand it. */
export function fail(error: StepError): StepOutcome {
  // A StepError is JSON by its type; its optional fields are left out, never undefined.
  return notDone(error as unknown as Json)
}

export function failure(verdict: Verdict, code: string, message: string, logId?: string): Failure {
  return { verdict, code, message: plainMessage({ code, message }), ...(logId && { logId }) }
}

/** A failure in the words of the table. What caused it goes to the log: people are shown no words of programs. */
export function failureBy(
  { report }: Pick<StepDeps, 'report'>,
  { jobId }: Pick<StepContext, 'jobId'>,
  code: string,
  cause: unknown,
): Failure {
  report?.({ kind: 'failed', code, jobId, cause })
  const { verdict, meaning } = verdictFor('reelpilot', code).verdict
  return { verdict, code, message: meaning }
}
