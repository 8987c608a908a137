import type { Db, Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { listOutdatedPlans, lockJobsOfSlots, lockOutdatedSlots } from '../../store/plan/outdated-slots.ts'
import { lockPlan } from '../../store/plan/plans.ts'
import { findCancelledSlots, lockOrganizationSlots, reschedule } from '../../store/plan/slots.ts'
import { type Notifier, runCommand } from '../../store/run-command.ts'
import type { CommandDeps } from '../command-deps.ts'
import { sendJobEvent } from '../send-event.ts'
import type { TimeZoneData } from './wall-time.ts'

/** How many slots one transaction locks, and how many plans are listed at once. */
const batchSize = 100

export interface ResolveSlotsResult {
  /** How many slots were computed with the new data. */
  readonly resolved: number
  /** How many of them are now due at another instant. */
  readonly rescheduled: number
  /** Jobs whose waiting time was changed. */
  readonly transitionedJobs: readonly string[]
}

/**
 * Recomputes the instants of coming slots that were computed with older time zone data, one batch of a plan per transaction.
 * The wall time of a slot stays. A slot that is rescheduled appends an event and reschedules its job; a slot whose job has
 * begun to post keeps its instant. Slots computed with newer data than `zones` are left alone, so that two builds that run at
 * the same time do not reschedule them back and forth.
 */
export async function resolveOutdatedSlots(
  db: Db,
  deps: CommandDeps,
  notifier: Notifier,
  zones: TimeZoneData,
): Promise<ResolveSlotsResult> {
  const total = { resolved: 0, rescheduled: 0, transitionedJobs: [] as string[] }
  for (;;) {
    const plans = await listOutdatedPlans(db, zones.version, batchSize)
    if (plans.length === 0) return total
    for (const plan of plans) {
      const result = await runCommand(db, notifier, (tx) => resolveSlots(tx, deps, plan, zones))
      total.resolved += result.resolved
      total.rescheduled += result.rescheduled
      total.transitionedJobs.push(...result.transitionedJobs)
    }
  }
}

/** Resolves a batch of one plan's slots. Locks the plan, then its slots, their jobs, and the event sequence. */
async function resolveSlots(
  tx: Tx,
  deps: CommandDeps,
  { organizationId, planId }: { readonly organizationId: string; readonly planId: string },
  zones: TimeZoneData,
): Promise<ResolveSlotsResult> {
  const plan = await lockPlan(tx, organizationId, planId)
  if (!plan) return { resolved: 0, rescheduled: 0, transitionedJobs: [] }
  await lockOrganizationSlots(tx, organizationId)
  const slots = await lockOutdatedSlots(tx, planId, zones.version, batchSize)
  const claimed = slots.filter(({ isClaimed }) => isClaimed).map(({ id }) => id)
  const cancelled = await findCancelledSlots(tx, claimed)
  const jobs = await lockJobsOfSlots(tx, claimed)
  let rescheduled = 0
  const transitionedJobs: string[] = []
  for (const slot of slots) {
    const resolved = zones.instantOf(slot.wallTime, plan.timeZone)
    // Newer data contains every zone of older data. If it does not, the old instant is kept.
    let publishAt = resolved.kind === 'instant' ? resolved.at : slot.publishAt
    const jobId = jobs.get(slot.id)
    if (slot.isClaimed && !cancelled.has(slot.id) && publishAt.getTime() !== slot.publishAt.getTime()) {
      const event = { type: 'slotMoved', publishAt: publishAt.getTime() } as const
      const sent = jobId === undefined ? null : await sendJobEvent(tx, deps, { organizationId, jobId, event })
      if (jobId !== undefined && sent?.kind === 'moved') transitionedJobs.push(jobId)
      else publishAt = slot.publishAt
    }
    await reschedule(tx, slot.id, { publishAt, tzdataVersion: zones.version })
    if (publishAt.getTime() === slot.publishAt.getTime()) continue
    rescheduled += 1
    const { wallTime, tzdataVersion } = slot
    await appendEvent(tx, {
      organizationId,
      type: 'slot.rescheduled',
      planId,
      slotId: slot.id,
      payload: {
        wallTime,
        timeZone: plan.timeZone,
        from: { publishAt: slot.publishAt.toISOString(), tzdataVersion },
        to: { publishAt: publishAt.toISOString(), tzdataVersion: zones.version },
      },
    })
  }
  return { resolved: slots.length, rescheduled, transitionedJobs }
}
