import type { TimeZoneData } from '../planning/wall-time.ts'
import type { Db, Tx } from '../store/database.ts'
import { appendEvent } from '../store/event-store.ts'
import { listOutdatedPlans, lockOutdatedSlots, type OutdatedSlot } from '../store/outdated-slot-store.ts'
import { lockPlan } from '../store/plan-store.ts'
import { lockSlotsOf, reschedule } from '../store/slot-store.ts'

/** How many slots one transaction locks, and how many plans are looked for at once. */
const batch = 100

export interface SlotsResolved {
  /** How many slots were computed anew, and how many of them are at another instant now. */
  readonly resolved: number
  readonly moved: number
  readonly organizations: readonly string[]
}

/**
 * Computes the instants of coming slots anew that were computed with older time zone data, plan by plan, a batch a
 * transaction. What a slot says stays: its wall time. A slot that moves leaves an event. A process with older data than
 * what a slot was computed with leaves it alone, so that two builds at work at once do not move it to and fro.
 */
export async function resolveOutdatedSlots(db: Db, zones: TimeZoneData): Promise<SlotsResolved> {
  let [resolved, moved] = [0, 0]
  const organizations = new Set<string>()
  for (;;) {
    const plans = await listOutdatedPlans(db, zones.version, batch)
    if (plans.length === 0) return { resolved, moved, organizations: [...organizations] }
    for (const plan of plans) {
      const done = await db.transaction().execute((tx) => resolveSlots(tx, plan, zones))
      resolved += done.resolved
      moved += done.moved
      if (done.moved > 0) organizations.add(plan.organizationId)
    }
  }
}

/** A batch of one plan's slots, in the caller's transaction: the plan is locked, then its slots, then the event sequence. */
async function resolveSlots(
  tx: Tx,
  { organizationId, planId }: { readonly organizationId: string; readonly planId: string },
  zones: TimeZoneData,
): Promise<{ readonly resolved: number; readonly moved: number }> {
  const plan = await lockPlan(tx, organizationId, planId)
  if (!plan) return { resolved: 0, moved: 0 }
  await lockSlotsOf(tx, organizationId)
  const slots = await lockOutdatedSlots(tx, planId, zones.version, batch)
  const moves: { readonly slot: OutdatedSlot; readonly publishAt: Date }[] = []
  for (const slot of slots) {
    const meaning = zones.instantOf(slot.wallTime, plan.timeZone)
    // Newer data knows every zone that older data knew. If it does not, the instant stays as good as it was.
    const publishAt = meaning.kind === 'instant' ? meaning.at : slot.publishAt
    await reschedule(tx, slot.id, { publishAt, tzdataVersion: zones.version })
    if (publishAt.getTime() !== slot.publishAt.getTime()) moves.push({ slot, publishAt })
  }
  for (const { slot, publishAt } of moves) {
    const { wallTime, tzdataVersion } = slot
    await appendEvent(tx, {
      organizationId,
      type: 'slot.moved',
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
  return { resolved: slots.length, moved: moves.length }
}
