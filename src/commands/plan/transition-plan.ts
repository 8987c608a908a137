import type { PlanEvent } from '../../../machines/plan.ts'
import { planMachine } from '../../definitions/machines.ts'
import type { Checkpoint } from '../../durable/checkpoint.ts'
import { acceptedEvents, decide } from '../../durable/decide.ts'
import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { commitPlanTransition, lockPlan, type PlanRecord, type PlanState } from '../../store/plan/plans.ts'
import type { Refusal } from '../refusal.ts'

export type LockedPlan = NonNullable<Awaited<ReturnType<typeof lockPlan>>>

export type TransitionPlanResult =
  | { readonly kind: 'moved'; readonly before: LockedPlan; readonly after: PlanState }
  | Refusal

/** Sends an event to a plan in the caller's transaction: locks it, decides, commits. The caller appends the event. */
export async function transitionPlan(
  tx: Tx,
  request: { readonly organizationId: string; readonly planId: string; readonly event: PlanEvent },
): Promise<TransitionPlanResult> {
  const { organizationId, planId, event } = request
  const plan = await lockPlan(tx, organizationId, planId)
  if (!plan) return { kind: 'missing', field: 'planId' }

  const at = await readDatabaseTime(tx)
  const key = `${planId}/${plan.revision + 1}`
  const decision = decide(planMachine, checkpointOfPlan(plan, plan.slots), event, { at, key, epoch: null })
  if (decision.kind === 'refused') return decision

  const { state, context } = decision.checkpoint
  const after = state as PlanState // A test compares the machine's states with the column's.
  const committed = await commitPlanTransition(tx, {
    planId,
    expectedRevision: plan.revision,
    state: after,
    autopilot: context.autopilot === true,
    locked: context.locked === true,
  })
  if (!committed) throw new Error(`plan ${planId} changed while it was locked`)
  return { kind: 'moved', before: plan, after }
}

/** The events that a plan accepts in its state. */
export function acceptedPlanEvents(plan: PlanRecord, slots: number): readonly string[] {
  return acceptedEvents(planMachine, checkpointOfPlan(plan, slots))
}

/** A plan's row as a checkpoint of the plan machine. */
function checkpointOfPlan(plan: PlanRecord, slots: number): Checkpoint {
  return {
    machine: planMachine.name,
    version: planMachine.version,
    state: plan.state,
    tag: plan.state === 'archived' ? 'final' : 'resting',
    context: { autopilot: plan.autopilot, locked: plan.locked, slots },
    step: null,
    timers: {},
  }
}
