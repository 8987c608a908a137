import { maxLatenessMs } from '../../../machines/rules/lateness.ts'
import { describeViolation } from '../../../machines/rules/post-violation.ts'
import { readCreatorSettings } from '../../store/account/accounts.ts'
import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockPlanJobs } from '../../store/job/clearance.ts'
import { approveSlots, withdrawApprovals } from '../../store/plan/approvals.ts'
import { listUnclaimedSlotSettings } from '../../store/plan/slot-settings.ts'
import type { CommandDeps } from '../command-deps.ts'
import { forecastQuota, type QuotaForecast } from '../quota/forecast-quota.ts'
import type { Refusal, SlotViolation } from '../refusal.ts'
import { applyHolds } from './apply-holds.ts'
import { creatorViolations } from './creator-rules.ts'
import { completeScan, openScan } from './scan.ts'
import { type LockedPlan, transitionPlan } from './transition-plan.ts'

/** What a person asks of a plan. */
export type PlanAction =
  | { readonly type: 'submit' | 'approve' | 'reject' | 'lock' | 'unlock' | 'archive' }
  | { readonly type: 'setAutopilot'; readonly on: boolean }

export type PlanActionResult =
  | {
      readonly kind: 'done'
      readonly planId: string
      /** The scan that was made at once because slots of the plan may start now. */
      readonly scanId: string | null
      /** What the quotas will make of its slots, as they were before that scan; null if they were not let run. */
      readonly quotaForecast: readonly QuotaForecast[] | null
      readonly transitionedJobs: readonly string[]
      readonly heldJobs: readonly string[]
      readonly unstoppableJobs: readonly string[]
    }
  | Refusal

const eventTypes = {
  submit: 'plan.submitted',
  approve: 'plan.approved',
  reject: 'plan.rejected',
  lock: 'plan.locked',
  unlock: 'plan.unlocked',
  archive: 'plan.archived',
  setAutopilot: 'plan.autopilotChanged',
} as const

/**
 * Moves a plan as a person asks. Approval keeps of each slot what was approved, and rejection takes that back. What lets its slots run (approval, autopilot, unlocking) scans in the same
 * transaction, so that a slot due soon does not wait for the hour. What holds its jobs, or lets them go on, they hear at once.
 */
export async function applyPlanAction(
  tx: Tx,
  deps: CommandDeps,
  request: { readonly organizationId: string; readonly planId: string; readonly event: PlanAction },
): Promise<PlanActionResult> {
  const { organizationId, planId, event } = request
  const moved = await transitionPlan(tx, request)
  if (moved.kind !== 'moved') return moved

  const { before, after } = moved
  if (event.type === 'approve') {
    const violations = await violationsOfPlan(tx, before)
    if (violations.length > 0) return { kind: 'creatorForbids', violations }
  }
  const autopilot = event.type === 'setAutopilot' ? event.on : before.autopilot
  const locked = event.type === 'lock' || (before.locked && event.type !== 'unlock')
  const lets =
    event.type === 'approve' || event.type === 'unlock' || (event.type === 'setAutopilot' && event.on)
  const mayRun = lets && after === 'approved'
  const forecast = mayRun
    ? await forecastQuota(tx, { organizationId, planId, at: await readDatabaseTime(tx) })
    : null
  // Slots are locked first, those of a scan before others; then jobs, and quota last.
  const scanning = mayRun && autopilot && !locked ? await openScan(tx, organizationId) : null
  if (event.type === 'approve') await approveSlots(tx, organizationId, planId)
  if (event.type === 'reject') await withdrawApprovals(tx, organizationId, planId)
  await lockPlanJobs(tx, organizationId, planId)
  const scan = scanning && (await completeScan(tx, deps, scanning, 'approval'))
  const settled = await applyHolds(tx, deps, { organizationId, planId })
  // After the scan, although it is its cause: appending holds the sequence, and the scan still takes locks.
  await appendEvent(tx, {
    organizationId,
    type: eventTypes[event.type],
    planId,
    payload: {
      from: before.state,
      to: after,
      isAutopilotEnabled: autopilot,
      isLocked: locked,
      ...(forecast && { quotaForecast: forecast.map(({ periods: _, ...summary }) => summary) }),
    },
  })
  return {
    kind: 'done',
    planId,
    scanId: scan?.scanId ?? null,
    quotaForecast: forecast,
    ...settled,
    transitionedJobs: [...(scan?.startedJobs ?? []), ...settled.transitionedJobs],
  }
}

/** What stands against the slots of a plan that are to be posted, by what is known of its creator. */
async function violationsOfPlan(tx: Tx, { id, accountId }: LockedPlan): Promise<readonly SlotViolation[]> {
  const creator = await readCreatorSettings(tx, accountId)
  const since = new Date((await readDatabaseTime(tx)) - maxLatenessMs)
  const slots = await listUnclaimedSlotSettings(tx, id, since)
  return slots.flatMap(({ slotId, ...wish }) =>
    creatorViolations(creator, wish).map((violation) => ({
      slotId,
      path: violation.field,
      message: describeViolation(violation),
    })),
  )
}
