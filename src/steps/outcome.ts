import type { Failure, StepError } from '../../machines/rules/failure.ts'
import type { Json } from '../durable/checkpoint.ts'
import { notDone, type StepOutcome } from '../durable/step.ts'
import type { Deferred } from '../providers/deferred.ts'
import { failureOfCode } from '../verdict/coded-failure.ts'

/** The outcome of a step that has not done its work, as machines read it. */
export function failed(error: StepError): StepOutcome {
  // A StepError is JSON by its type: its optional fields are omitted, never undefined.
  return notDone(error as unknown as Json)
}

/** Nothing happened. The machine repeats the step after a back-off, and not before `afterSeconds`; it spends an attempt. */
export function retry(failure: Failure, afterSeconds?: number): StepOutcome {
  return failed({ kind: 'retry', ...optional(afterSeconds), failure })
}

/** Deferred by our own limits, so nothing was sent. The machine repeats the step after `afterSeconds`; it spends no attempt. */
export function deferred({ reason, afterSeconds }: Pick<Deferred, 'reason' | 'afterSeconds'>): StepOutcome {
  return failed({ kind: 'deferred', afterSeconds, failure: failureOfCode('reelpilot', reason) })
}

/** It may have happened. The machine looks the outcome up before it does anything again. */
export function outcomeUnknown(failure: Failure, afterSeconds?: number): StepOutcome {
  return failed({ kind: 'unknown', ...optional(afterSeconds), failure })
}

/** Nothing happened, and the job waits until a person has acted. */
export function needsPerson(failure: Failure): StepOutcome {
  return failed({ kind: 'needsPerson', failure })
}

/** Nothing happened, and the job waits until the account is connected again. */
export function needsAccount(failure: Failure): StepOutcome {
  return failed({ kind: 'needsAccount', failure })
}

function optional(afterSeconds: number | undefined) {
  return afterSeconds === undefined ? {} : { afterSeconds }
}
