import type { Failure, StepError, Verdict } from '../../machines/failure.ts'
import type { Json } from '../durable/checkpoint.ts'
import { notDone, type StepOutcome } from '../durable/step.ts'

/** A step's "not done", as the machines understand it. */
export function fail(error: StepError): StepOutcome {
  // A StepError is JSON by its type; its optional fields are left out, never undefined.
  return notDone(error as unknown as Json)
}

export function failure(verdict: Verdict, code: string, message: string, logId?: string): Failure {
  return { verdict, code, message, ...(logId && { logId }) }
}
