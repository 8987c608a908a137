import type { Failure } from './failure.ts'
import { isTooLate } from './lateness.ts'

/** Who started a job: a scan, under autopilot, or a person. */
export type StartedBy = 'scan' | 'person'

/**
 * Whether a slot's content is approved: as approved (`current`), edited since (`none`), or changed outside the API after its
 * approval (`stale`).
 */
export type Approval = 'current' | 'none' | 'stale'

/** The facts that decide whether a job may continue. */
export interface ClearanceFacts {
  readonly planState: string
  readonly locked: boolean
  readonly autopilot: boolean
  readonly startedBy: StartedBy
  /** The account machine's state. */
  readonly accountState: string
  readonly approval: Approval
}

/** The job's next action and its time. Times in epoch milliseconds. */
export interface ClearanceMoment {
  /** Rendering costs money; posting cannot be undone. */
  readonly before: 'rendering' | 'posting'
  readonly publishAt: number
  /** Whether a person allowed a late post. */
  readonly mayBeLate: boolean
  readonly at: number
}

export type Clearance =
  | { readonly kind: 'clear' }
  /** Continues when the hold is lifted. */
  | {
      readonly kind: 'hold'
      readonly code: 'PLAN_ARCHIVED' | 'PLAN_LOCKED' | 'AUTOPILOT_OFF' | 'NOT_APPROVED'
    }
  /** Continues when the account is connected. */
  | { readonly kind: 'needsAccount'; readonly code: 'ACCOUNT_NOT_CONNECTED' }
  | { readonly kind: 'needsPerson'; readonly code: 'APPROVAL_STALE' | 'SLOT_PASSED' }

/**
 * Whether a job may continue. Checked before rendering, before opening the post and before its last chunk. The slot's own
 * approval counts, not the plan's state: editing another slot turns the plan into a draft.
 */
export function clearanceOf(facts: ClearanceFacts, moment: ClearanceMoment): Clearance {
  if (facts.planState === 'archived') return { kind: 'hold', code: 'PLAN_ARCHIVED' }
  if (facts.locked) return { kind: 'hold', code: 'PLAN_LOCKED' }
  if (!facts.autopilot && facts.startedBy === 'scan') return { kind: 'hold', code: 'AUTOPILOT_OFF' }
  if (facts.approval === 'stale') return { kind: 'needsPerson', code: 'APPROVAL_STALE' }
  if (facts.approval === 'none') return { kind: 'hold', code: 'NOT_APPROVED' }
  if (!isUsable(facts.accountState, moment.before))
    return { kind: 'needsAccount', code: 'ACCOUNT_NOT_CONNECTED' }
  if (!moment.mayBeLate && isTooLate(moment.publishAt, moment.at))
    return { kind: 'needsPerson', code: 'SLOT_PASSED' }
  return clear
}

/** What each reason means. People who plan can fix all of them. */
export const stopMeanings = {
  PLAN_ARCHIVED: 'The plan of the slot is archived.',
  PLAN_LOCKED: 'The plan of the slot is locked.',
  AUTOPILOT_OFF: 'Autopilot started the job and is now off for its plan.',
  NOT_APPROVED: 'The slot was edited or its plan rejected, and it has not been approved since.',
  APPROVAL_STALE:
    "The slot's content is not what was approved: its media was converted, or the slot was changed outside the API.",
  ACCOUNT_NOT_CONNECTED: 'The account is not connected to TikTok.',
  SLOT_PASSED: "The slot's time passed more than an hour ago, before the post could go out.",
} as const

/** The failure that a stopped job records. */
export function failureOfStop(code: keyof typeof stopMeanings): Failure {
  return { verdict: 'NEEDS_USER', code, message: stopMeanings[code], source: 'reelpilot' }
}

const clear: Clearance = { kind: 'clear' }

/** In `needsReauthorization` nothing is rendered, but a token that has time left is still used for posting. */
function isUsable(accountState: string, before: ClearanceMoment['before']): boolean {
  const [area] = accountState.split('.')
  return (
    area === 'connected' || area === 'refreshing' || (area === 'needsReauthorization' && before === 'posting')
  )
}
