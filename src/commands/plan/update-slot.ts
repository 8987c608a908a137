import { readCreatorSettings } from '../../store/account/accounts.ts'
import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockPlanJobs } from '../../store/job/clearance.ts'
import {
  changePost,
  changeSlot,
  deleteSlot,
  findCancelledSlots,
  findSlots,
  lockSlot,
  releaseSlot,
  type SlotRecord,
} from '../../store/plan/slots.ts'
import type { CommandDeps } from '../command-deps.ts'
import type { Refusal } from '../refusal.ts'
import { applyHolds, type HoldsResult } from './apply-holds.ts'
import { canStillChange } from './claimed-slot.ts'
import { type LockedPlan, transitionPlan } from './transition-plan.ts'
import { type SlotInput, validateSlot } from './validate-slot.ts'

export type RemoveSlotResult =
  | { readonly kind: 'done'; readonly slotId: string; readonly planId: string }
  | Refusal

export type UpdateSlotResult = (Extract<RemoveSlotResult, { readonly kind: 'done' }> & HoldsResult) | Refusal

interface SlotRequest {
  readonly organizationId: string
  readonly slotId: string
}

/**
 * Changes what is given of a slot. Once a job has claimed it only caption, privacy and toggles, until its post is opened; once that
 * job is cancelled all of it, for another. Takes the plan's approval back, and the slot's: its job is held until it is
 * approved again.
 */
export async function updateSlot(
  tx: Tx,
  deps: CommandDeps,
  request: SlotRequest & { readonly change: Partial<SlotInput> },
): Promise<UpdateSlotResult> {
  const { wallTime, storyboard, mode } = request.change
  const isOfWork = wallTime !== undefined || storyboard !== undefined || mode !== undefined
  const opened = await openSlot(tx, request, { claimed: !isOfWork })
  if (opened.kind !== 'open') return opened

  const { slot, plan } = opened
  const brief: SlotInput = { ...slot, ...request.change }
  // The time of a slot whose job is at work may have come; it is not being changed.
  const now = slot.claimedAt ? Number.NEGATIVE_INFINITY : await readDatabaseTime(tx)
  const creator = await readCreatorSettings(tx, plan.accountId)
  const read = validateSlot(brief, { path: '', timeZone: plan.timeZone, creator, now })
  if (read.kind === 'invalid') return read

  const { organizationId } = request
  // All at once: the slot's own is one of them, and whoever locks several locks the oldest first.
  await lockPlanJobs(tx, organizationId, plan.id)
  if (slot.claimedAt === null) await changeSlot(tx, slot.id, read.content)
  else {
    const content = { ...read.content, publishAt: slot.publishAt, tzdataVersion: slot.tzdataVersion }
    if (!(await canStillChange(tx, slot.id, slot, content))) return { kind: 'claimed', slotId: slot.id }
    await changePost(tx, slot.id, content)
  }
  const settled = await applyHolds(tx, deps, { organizationId, planId: plan.id })
  const payload = { from: plan.state, to: opened.after }
  await appendEvent(tx, { organizationId, type: 'slot.updated', planId: plan.id, slotId: slot.id, payload })
  return { kind: 'done', slotId: slot.id, planId: plan.id, ...settled }
}

/** Removes a slot, until a job has claimed it, or once that is cancelled. Takes the plan's approval back. */
export async function removeSlot(tx: Tx, request: SlotRequest): Promise<RemoveSlotResult> {
  const opened = await openSlot(tx, request)
  if (opened.kind !== 'open') return opened

  const { slot, plan } = opened
  if (!(await deleteSlot(tx, slot.id))) return { kind: 'claimed', slotId: slot.id }
  const { organizationId } = request
  const payload = { from: plan.state, to: opened.after, wallTime: slot.wallTime }
  await appendEvent(tx, { organizationId, type: 'slot.removed', planId: plan.id, slotId: slot.id, payload })
  return { kind: 'done', slotId: slot.id, planId: plan.id }
}

type OpenedSlot =
  | { readonly kind: 'open'; readonly slot: SlotRecord; readonly plan: LockedPlan; readonly after: string }
  | Refusal

/**
 * Locks the plan and then its slot, the order that all writers keep, and tells the plan that it is edited. A slot whose job was
 * cancelled is nobody's then.
 */
async function openSlot(
  tx: Tx,
  { organizationId, slotId }: SlotRequest,
  allowed: { readonly claimed: boolean } = { claimed: false },
): Promise<OpenedSlot> {
  const [found] = await findSlots(tx, organizationId, [slotId])
  if (!found) return { kind: 'missing', field: 'slotId' }
  if (found.claimedAt && !allowed.claimed && !(await isCancelled(tx, slotId)))
    return { kind: 'claimed', slotId }

  const moved = await transitionPlan(tx, { organizationId, planId: found.planId, event: { type: 'edit' } })
  if (moved.kind !== 'moved') return moved
  const slot = await lockSlot(tx, organizationId, slotId)
  if (!slot) return { kind: 'missing', field: 'slotId' }
  const opened = { kind: 'open', slot, plan: moved.before, after: moved.after } as const
  if (slot.claimedAt === null) return opened
  if (await isCancelled(tx, slotId)) {
    await releaseSlot(tx, slotId)
    return { ...opened, slot: { ...slot, claimedAt: null } }
  }
  return allowed.claimed ? opened : { kind: 'claimed', slotId }
}

async function isCancelled(tx: Tx, slotId: string): Promise<boolean> {
  return (await findCancelledSlots(tx, [slotId])).has(slotId)
}
