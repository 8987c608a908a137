import { maxLatenessMs } from '../../../machines/rules/lateness.ts'
import { describeViolation } from '../../../machines/rules/post-violation.ts'
import { readCreatorSettings } from '../../store/account/accounts.ts'
import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockPlanJobs } from '../../store/job/clearance.ts'
import { approveSlots, withdrawApprovals } from '../../store/plan/approvals.ts'
import { listUnclaimedSlotSettings } from '../../store/plan/slot-settings.ts'
import type { CommandDeps } from '../command-deps.ts'
import { lockSlotsWithoutPreview, startPreviews } from '../job/start-previews.ts'
import { forecastQuota, type QuotaForecast } from '../quota/forecast-quota.ts'
import type { Refusal, SlotViolation } from '../refusal.ts'
import { applyHolds } from './apply-holds.ts'
import { creatorViolations } from './creator-rules.ts'
import { completeScan, openScan } from './scan.ts'
import { lockMediaOf, unusable } from './slot-content.ts'
import { type LockedPlan, transitionPlan } from './transition-plan.ts'

/** An action of a person on a plan. */
export type PlanAction =
  | { readonly type: 'submit' | 'approve' | 'reject' | 'lock' | 'unlock' | 'archive' }
  | { readonly type: 'setAutopilot'; readonly on: boolean }

export type PlanActionResult =
  | {
      readonly kind: 'done'
      readonly planId: string
      /** The scan that ran because slots of the plan may start now. */
      readonly scanId: string | null
      /** The quota forecast of its slots before that scan; null if the action allows none to run. */
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
 * Applies a person's action to a plan. Approval records the approved content of each slot; rejection withdraws it. Actions that
 * allow slots to run (approve, unlock, autopilot on) scan in the same transaction, so that a slot that is due soon does not wait
 * for the hourly scan. Jobs are held or released at once. Submitting a plan that is rendered before its review starts its previews.
 */
export async function applyPlanAction(
  tx: Tx,
  deps: CommandDeps,
  request: { readonly organizationId: string; readonly planId: string; readonly event: PlanAction },
): Promise<PlanActionResult> {
  const { organizationId, planId, event } = request
  const transitioned = await transitionPlan(tx, request)
  if (transitioned.kind !== 'moved') return transitioned

  const { before, after } = transitioned
  const autopilot = event.type === 'setAutopilot' ? event.on : before.autopilot
  const locked = event.type === 'lock' || (before.locked && event.type !== 'unlock')
  const allowsRuns =
    event.type === 'approve' || event.type === 'unlock' || (event.type === 'setAutopilot' && event.on)
  const mayRun = allowsRuns && after === 'approved'
  const forecast = mayRun
    ? await forecastQuota(tx, { organizationId, planId, at: await readDatabaseTime(tx) })
    : null
  // Lock order: the slots of the scan, other slots, jobs, quota.
  const scanning = mayRun && autopilot && !locked ? await openScan(tx, organizationId) : null
  if (event.type === 'approve') {
    await approveSlots(tx, organizationId, planId)
    const violations = await violationsOfPlan(tx, organizationId, before)
    if (violations.length > 0) return { kind: 'creatorForbids', violations }
  }
  if (event.type === 'reject') await withdrawApprovals(tx, organizationId, planId)
  const rendersNow = event.type === 'submit' && before.rendering === 'beforeReview'
  const unrendered = rendersNow ? await lockSlotsWithoutPreview(tx, organizationId, planId) : []
  await lockPlanJobs(tx, organizationId, planId)
  const previews = await startPreviews(tx, deps, organizationId, unrendered)
  if (previews.kind === 'quotaShort') return previews
  const scan = scanning && (await completeScan(tx, deps, scanning, 'approval'))
  const holds = await applyHolds(tx, deps, { organizationId, planId })
  // Appended after the scan that it causes: it locks the event sequence, and the scan takes further locks.
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
    ...holds,
    transitionedJobs: [...previews.jobIds, ...(scan?.startedJobs ?? []), ...holds.transitionedJobs],
  }
}

/** Which of the creator's known rules the plan's coming slots violate, and which media may not be posted. The slots are locked. */
async function violationsOfPlan(
  tx: Tx,
  organizationId: string,
  { id, accountId }: LockedPlan,
): Promise<readonly SlotViolation[]> {
  const creator = await readCreatorSettings(tx, accountId)
  const since = new Date((await readDatabaseTime(tx)) - maxLatenessMs)
  const slots = await listUnclaimedSlotSettings(tx, id, since)
  const contents = slots.flatMap(({ mediaId }) =>
    mediaId === null ? [] : [{ kind: 'media', mediaId } as const],
  )
  const media = await lockMediaOf(tx, organizationId, contents)
  return slots.flatMap(({ slotId, mediaId, ...settings }): SlotViolation[] => {
    const known = mediaId === null ? undefined : media.get(mediaId)
    if (mediaId !== null && known?.kind !== 'ready')
      return [{ slotId, path: 'content.mediaId', message: unusable(known?.state) }]
    return creatorViolations(creator, settings).map((violation) => ({
      slotId,
      path: violation.field,
      message: describeViolation(violation),
    }))
  })
}
