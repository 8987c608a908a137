import type { Db, Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { listOutdatedPlans, lockJobsOfSlots, lockOutdatedSlots } from '../../store/plan/outdated-slots.ts'
import { lockPlan } from '../../store/plan/plans.ts'
import { findCancelledSlots, lockSlotsOf, reschedule } from '../../store/plan/slots.ts'
import type { CommandDeps } from '../command-deps.ts'
import { sendJobEvent } from '../send-event.ts'
import type { TimeZoneData } from './wall-time.ts'

/** How many slots one transaction locks, and how many plans are looked for at once. */
const batch = 100

export interface ResolveSlotsResult {
  /** How many slots were computed anew, and how many of them are at another instant now. */
  readonly resolved: number
  readonly rescheduled: number
  /** Whose slots and jobs have moved. */
  readonly organizations: readonly string[]
  readonly movedJobs: readonly string[]
}

/**
 * Computes the instants of coming slots anew that were computed with older time zone data, plan by plan, a batch a
 * transaction. What a slot says stays: its wall time. A slot that moves leaves an event, and takes its job along; one whose
 * job has begun to post stays where it is. A process with older data than what a slot was computed with leaves it alone, so
 * that two builds at work at once do not move it to and fro.
 */
export async function resolveOutdatedSlots(
  db: Db,
  deps: CommandDeps,
  zones: TimeZoneData,
): Promise<ResolveSlotsResult> {
  const all = { resolved: 0, rescheduled: 0, organizations: new Set<string>(), movedJobs: [] as string[] }
  for (;;) {
    const plans = await listOutdatedPlans(db, zones.version, batch)
    if (plans.length === 0) return { ...all, organizations: [...all.organizations] }
    for (const plan of plans) {
      const { resolved, rescheduled, movedJobs } = await db
        .transaction()
        .execute((tx) => resolveSlots(tx, deps, plan, zones))
      all.resolved += resolved
      all.rescheduled += rescheduled
      all.movedJobs.push(...movedJobs)
      if (rescheduled > 0) all.organizations.add(plan.organizationId)
    }
  }
}

/** A batch of one plan's slots: the plan is locked, then its slots, then their jobs, then the event sequence. */
async function resolveSlots(
  tx: Tx,
  deps: CommandDeps,
  { organizationId, planId }: { readonly organizationId: string; readonly planId: string },
  zones: TimeZoneData,
): Promise<Omit<ResolveSlotsResult, 'organizations'>> {
  const plan = await lockPlan(tx, organizationId, planId)
  if (!plan) return { resolved: 0, rescheduled: 0, movedJobs: [] }
  await lockSlotsOf(tx, organizationId)
  const slots = await lockOutdatedSlots(tx, planId, zones.version, batch)
  const claimed = slots.filter(({ isClaimed }) => isClaimed).map(({ id }) => id)
  const cancelled = await findCancelledSlots(tx, claimed)
  const jobs = await lockJobsOfSlots(tx, claimed)
  let rescheduled = 0
  const movedJobs: string[] = []
  for (const slot of slots) {
    const meaning = zones.instantOf(slot.wallTime, plan.timeZone)
    // Newer data knows every zone that older data knew. If it does not, the instant stays as good as it was.
    let publishAt = meaning.kind === 'instant' ? meaning.at : slot.publishAt
    const jobId = jobs.get(slot.id)
    if (slot.isClaimed && !cancelled.has(slot.id) && publishAt.getTime() !== slot.publishAt.getTime()) {
      const event = { type: 'slotMoved', publishAt: publishAt.getTime() } as const
      const told = jobId === undefined ? null : await sendJobEvent(tx, deps, { organizationId, jobId, event })
      if (jobId !== undefined && told?.kind === 'moved') movedJobs.push(jobId)
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
  return { resolved: slots.length, rescheduled, movedJobs }
}
