import type { Purpose } from '../../../machines/job/context.ts'
import { type ClearanceMoment, clearanceOf, failureOfStop } from '../../../machines/rules/clearance.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import type { SlotToPost } from '../../store/job/clearance.ts'
import { failed } from '../outcome.ts'
import type { StepDeps } from '../step-deps.ts'
import { readSlot } from './slot.ts'

/** The part of a step's input that names its slot. */
export interface SlotInput {
  /** Default: `post`. A step that became pending under an older machine version has none. */
  readonly purpose?: Purpose
  readonly slotId: string
  readonly publishAt: number
  readonly mayBeLate: boolean
}

/** Checks whether the job may go on. If so, answers the slot of the very read that was checked. */
export async function checkClearance(
  { db }: Pick<StepDeps, 'db'>,
  { organizationId, now }: Pick<StepContext, 'organizationId' | 'now'>,
  { slotId, publishAt, mayBeLate }: SlotInput,
  before: ClearanceMoment['before'],
): Promise<
  | { readonly kind: 'clear'; readonly slot: SlotToPost }
  | { readonly kind: 'stopped'; readonly outcome: StepOutcome }
> {
  const slot = await readSlot(db, organizationId, slotId)
  const clearance = clearanceOf(slot, { before, publishAt, mayBeLate, at: now() })
  if (clearance.kind === 'clear') return { kind: 'clear', slot }
  const kind = clearance.kind === 'hold' ? 'held' : clearance.kind
  return { kind: 'stopped', outcome: failed({ kind, failure: failureOfStop(clearance.code) }) }
}

/** Checks whether the reason that holds a job still applies. */
export async function checkHold(
  deps: StepDeps,
  context: StepContext,
  input: SlotInput & Pick<ClearanceMoment, 'before'>,
): Promise<StepOutcome> {
  const clearance = await checkClearance(deps, context, input, input.before)
  return clearance.kind === 'clear' ? done() : clearance.outcome
}
