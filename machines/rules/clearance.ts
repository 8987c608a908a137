import type { Failure } from './failure.ts'
import { isTooLate } from './lateness.ts'

/** How a job came to be: by a scan, which autopilot let; or by a person who asked for it. */
export type StartedBy = 'scan' | 'person'

/**
 * Whether what a slot says is what was approved: it is; nobody has approved it since it was last edited; or it was changed past
 * the API after its approval.
 */
export type Approval = 'current' | 'none' | 'stale'

/** Everything that decides whether a job may go on. */
export interface ClearanceFacts {
  readonly planState: string
  readonly locked: boolean
  readonly autopilot: boolean
  readonly startedBy: StartedBy
  /** Of the account machine. */
  readonly accountState: string
  readonly approval: Approval
}

/** What the job is about to do, and when; epoch milliseconds. */
export interface ClearanceMoment {
  /** Rendering costs money; posting cannot be undone. */
  readonly before: 'rendering' | 'posting'
  readonly publishAt: number
  /** Whether a person has said that it shall be posted although it is late. */
  readonly mayBeLate: boolean
  readonly at: number
}

export type Clearance =
  | { readonly kind: 'clear' }
  /** It goes on by itself once what holds it is lifted. */
  | {
      readonly kind: 'hold'
      readonly code: 'PLAN_ARCHIVED' | 'PLAN_LOCKED' | 'AUTOPILOT_OFF' | 'NOT_APPROVED'
    }
  /** It goes on by itself once the account is connected again. */
  | { readonly kind: 'needsAccount'; readonly code: 'ACCOUNT_NOT_CONNECTED' }
  | { readonly kind: 'needsPerson'; readonly code: 'APPROVAL_STALE' | 'SLOT_PASSED' }

/**
 * The one answer to "may this job go on?": asked before it renders, right before its post is opened, and before the last chunk
 * of it is sent. A plan that is a draft again because another of its slots was edited does not matter: a slot's own approval
 * counts.
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

/** What each reason means. All of them are for people who plan to mend. */
export const stopMeanings = {
  PLAN_ARCHIVED: 'The plan of the slot was put away.',
  PLAN_LOCKED: 'The plan of the slot is locked.',
  AUTOPILOT_OFF: 'Autopilot has started the job, and was turned off for its plan.',
  NOT_APPROVED: 'The slot was edited, or its plan rejected, and nobody has approved it since.',
  APPROVAL_STALE: 'What would be posted is not what was approved: the slot was changed past the API.',
  ACCOUNT_NOT_CONNECTED: 'The account is not connected to TikTok.',
  SLOT_PASSED: "The slot's time passed more than an hour ago, before the post could go out.",
} as const

/** Why a job may not go on, as it keeps it. */
export function failureOfStop(code: keyof typeof stopMeanings): Failure {
  return { verdict: 'NEEDS_USER', code, message: stopMeanings[code], source: 'reelpilot' }
}

const clear: Clearance = { kind: 'clear' }

/** While only its creator can help an account, nothing is rendered for it; a token that has time left is still posted with. */
function isUsable(accountState: string, before: ClearanceMoment['before']): boolean {
  const [area] = accountState.split('.')
  return (
    area === 'connected' || area === 'refreshing' || (area === 'needsReauthorization' && before === 'posting')
  )
}
