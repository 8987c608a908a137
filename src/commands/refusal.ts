import type { QuotaShort } from './quota/reserve-quota.ts'

/** One mistake in an input. `path` names the field, such as `slots.0.storyboard.scenes.2.text`. */
export interface FieldIssue {
  readonly path: string
  readonly message: string
}

/** A creator's rule that a slot violates: the slot's field, and what the creator allows. */
export interface SlotViolation extends FieldIssue {
  readonly slotId: string
}

/** Why a command changed nothing. The kind tells a caller what to do about it. */
export type Refusal =
  /** The input is invalid. Lists every mistake that was found. */
  | { readonly kind: 'invalid'; readonly fields: readonly FieldIssue[] }
  /** The object that this input field names does not exist in the organization. */
  | { readonly kind: 'missing'; readonly field: string }
  /** The machine does not accept the event in its state. */
  | { readonly kind: 'refused'; readonly state: string; readonly event: string }
  /** A job has claimed the slot, so it can no longer be changed. */
  | { readonly kind: 'claimed'; readonly slotId: string }
  /** The creator's settings forbid what is planned. Lists every violation of every slot. */
  | { readonly kind: 'creatorForbids'; readonly violations: readonly SlotViolation[] }
  /** An unfinished job of another slot has the same job key. */
  | { readonly kind: 'underWay'; readonly jobId: string }
  /** The slot was due more than an hour ago. */
  | { readonly kind: 'tooLate'; readonly publishAt: Date }
  /** Posts of these slots need the media; the list may be incomplete. */
  | { readonly kind: 'mediaInUse'; readonly slotIds: readonly string[] }
  /** A hard quota limit has too little left. */
  | QuotaShort

export function invalid(path: string, message: string): Extract<Refusal, { kind: 'invalid' }> {
  return { kind: 'invalid', fields: [{ path, message }] }
}
