import type { StepOutcome } from '../durable/step.ts'
import type { Deferred } from '../providers/deferred.ts'
import { verdictFor } from '../verdict/failure-verdict.ts'
import { fail, failure } from './failure.ts'

/** It was not the step's turn: nothing was sent, so who waits keeps its attempts. */
export function parked({ reason, afterSeconds }: Pick<Deferred, 'reason' | 'afterSeconds'>): StepOutcome {
  const { verdict, meaning } = verdictFor('reelpilot', reason).verdict
  return fail({
    kind: 'deferred',
    afterSeconds,
    failure: { ...failure(verdict, reason, meaning), source: 'reelpilot' },
  })
}
