import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockPlanJobs } from '../../store/job/clearance.ts'
import { withdrawApprovals } from '../../store/plan/approvals.ts'
import { changePlan } from '../../store/plan/plans.ts'
import { lockEditableSlots, reschedule } from '../../store/plan/slots.ts'
import type { PlanRendering } from '../../store/plan/tables.ts'
import type { CommandDeps } from '../command-deps.ts'
import { invalid, type Refusal } from '../refusal.ts'
import { applyHolds, type HoldsResult } from './apply-holds.ts'
import { validatePlanName, validateTimeZone } from './create-plan.ts'
import { transitionPlan } from './transition-plan.ts'
import { instantOf } from './wall-time.ts'

export type UpdatePlanResult = ({ readonly kind: 'done'; readonly planId: string } & HoldsResult) | Refusal

/**
 * Changes a plan's name, time zone or time of rendering. Slots keep their wall times, so another zone changes their instants, except those of
 * claimed slots. Withdraws the plan's approval.
 */
export async function updatePlan(
  tx: Tx,
  deps: CommandDeps,
  request: {
    readonly organizationId: string
    readonly planId: string
    readonly name?: string | undefined
    readonly timeZone?: string | undefined
    readonly rendering?: PlanRendering | undefined
  },
): Promise<UpdatePlanResult> {
  const { organizationId, planId, name, timeZone, rendering } = request
  const fields = [
    ...(name === undefined ? [] : validatePlanName(name)),
    ...(timeZone === undefined ? [] : validateTimeZone(timeZone)),
  ]
  if (fields.length > 0) return { kind: 'invalid', fields }
  if (name === undefined && timeZone === undefined && rendering === undefined)
    return invalid('name', ', timeZone or rendering must be given')

  const moved = await transitionPlan(tx, { organizationId, planId, event: { type: 'edit' } })
  if (moved.kind !== 'moved') return moved
  if (timeZone !== undefined && timeZone !== moved.before.timeZone) {
    const refused = await rescheduleSlots(tx, organizationId, planId, timeZone)
    if (refused) return refused
    await withdrawApprovals(tx, organizationId, planId)
  }
  await changePlan(tx, planId, { name: name?.trim(), timeZone, rendering })
  await lockPlanJobs(tx, organizationId, planId)
  const holds = await applyHolds(tx, deps, { organizationId, planId })
  await appendEvent(tx, {
    organizationId,
    type: 'plan.updated',
    planId,
    payload: { from: moved.before.state, to: moved.after },
  })
  return { kind: 'done', planId, ...holds }
}

async function rescheduleSlots(
  tx: Tx,
  organizationId: string,
  planId: string,
  timeZone: string,
): Promise<Refusal | null> {
  const now = await readDatabaseTime(tx)
  for (const slot of await lockEditableSlots(tx, organizationId, planId)) {
    const isFuture = slot.publishAt.getTime() > now
    const resolved = instantOf(slot.wallTime, timeZone)
    if (resolved.kind === 'invalid')
      throw new Error(`slot ${slot.id} has the invalid wall time ${slot.wallTime}`)
    if (isFuture && resolved.at.getTime() <= now) {
      return invalid('timeZone', `the slot of ${slot.wallTime} would be in the past in ${timeZone}`)
    }
    const { at: publishAt, tzdataVersion } = resolved
    if (isFuture) await reschedule(tx, slot.id, { publishAt, tzdataVersion })
  }
  return null
}
