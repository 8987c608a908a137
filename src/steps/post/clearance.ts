import { type ClearanceMoment, clearanceOf, failureOfStop } from '../../../machines/rules/clearance.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import type { SlotToPost } from '../../store/job/clearance.ts'
import { fail } from '../failure.ts'
import type { StepDeps } from '../step-deps.ts'
import { readSlot } from './slot.ts'

/** What a step of a job is told of its slot. */
export interface OfSlot {
  readonly slotId: string
  readonly publishAt: number
  readonly mayBeLate: boolean
}

/** Whether a job may do what it is about to do: then with what will be posted, in the very read that was judged. */
export async function clearanceFor(
  { db }: Pick<StepDeps, 'db'>,
  { organizationId, now }: Pick<StepContext, 'organizationId' | 'now'>,
  { slotId, publishAt, mayBeLate }: OfSlot,
  before: ClearanceMoment['before'],
): Promise<
  | { readonly kind: 'clear'; readonly slot: SlotToPost }
  | { readonly kind: 'stop'; readonly outcome: StepOutcome }
> {
  const slot = await readSlot(db, organizationId, slotId)
  const clearance = clearanceOf(slot, { before, publishAt, mayBeLate, at: now() })
  if (clearance.kind === 'clear') return { kind: 'clear', slot }
  const kind = clearance.kind === 'hold' ? 'held' : clearance.kind
  return { kind: 'stop', outcome: fail({ kind, failure: failureOfStop(clearance.code) }) }
}

/** Looks whether what held a job still does. */
export async function checkHold(
  deps: StepDeps,
  context: StepContext,
  input: OfSlot & Pick<ClearanceMoment, 'before'>,
): Promise<StepOutcome> {
  const clearance = await clearanceFor(deps, context, input, input.before)
  return clearance.kind === 'clear' ? done() : clearance.outcome
}
