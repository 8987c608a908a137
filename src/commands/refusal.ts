import type { QuotaShort } from './quota/reserve-quota.ts'

/** One thing to correct in an input. `path` is where, as in `slots.0.storyboard.scenes.2.text`. */
export interface FieldIssue {
  readonly path: string
  readonly message: string
}

/** A rule of its creator's that a slot breaks: which field of it, and what is allowed. */
export interface SlotViolation extends FieldIssue {
  readonly slotId: string
}

/** Why a command did nothing. What a caller may do about it follows from the kind. */
export type Refusal =
  /** The input cannot be used; every mistake that was found is named. */
  | { readonly kind: 'invalid'; readonly fields: readonly FieldIssue[] }
  /** The thing that this input field names is not there, or not the organization's. */
  | { readonly kind: 'missing'; readonly field: string }
  /** The machine does not permit this in its state. */
  | { readonly kind: 'refused'; readonly state: string; readonly event: string }
  /** A job works by the slot already, so it can no longer be changed. */
  | { readonly kind: 'claimed'; readonly slotId: string }
  /** What is planned is not allowed by its creator's settings; every rule that any slot breaks is named. */
  | { readonly kind: 'creatorForbids'; readonly violations: readonly SlotViolation[] }
  /** An unfinished job of another slot has the key. */
  | { readonly kind: 'underWay'; readonly jobId: string }
  /** The slot's time has passed too long ago. */
  | { readonly kind: 'tooLate'; readonly publishAt: Date }
  /** A hard limit has no room for it. */
  | QuotaShort

export function invalid(path: string, message: string): Extract<Refusal, { kind: 'invalid' }> {
  return { kind: 'invalid', fields: [{ path, message }] }
}
