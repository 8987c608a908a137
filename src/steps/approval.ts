import type { StepOutcome } from '../durable/step.ts'
import type { SlotToPost } from '../store/approval-store.ts'
import { verdictFor } from '../verdict/failure-verdict.ts'
import { fail, failure } from './failure.ts'

/** An approval is looked for so often. */
const lookAgainSeconds = 60

/** Why a slot must not be worked on as it is; null if it is what was approved. */
export function notApproved({ approval }: SlotToPost): StepOutcome | null {
  switch (approval) {
    case 'current':
      return null
    case 'none':
      return fail({ kind: 'parked', afterSeconds: lookAgainSeconds, failure: own('NOT_APPROVED') })
    case 'stale':
      return fail({ kind: 'needsPerson', failure: own('APPROVAL_STALE') })
  }
}

function own(code: string) {
  const { verdict, meaning } = verdictFor('reelpilot', code).verdict
  return { ...failure(verdict, code, meaning), source: 'reelpilot' }
}
