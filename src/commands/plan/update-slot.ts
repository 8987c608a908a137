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
import { type ContentInput, lockMediaOf } from './slot-content.ts'
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
 * Changes the given fields of a slot. After a job has claimed it, only caption, cover, privacy and toggles can change, until its post
 * is locked; after that job was cancelled, every field can. Withdraws the approval of the plan and the slot, which holds the job
 * until both are approved again.
 */
export async function updateSlot(
  tx: Tx,
  deps: CommandDeps,
  request: SlotRequest & { readonly change: Partial<SlotInput> },
): Promise<UpdateSlotResult> {
  const { wallTime, content, mode } = request.change
  const changesWork = wallTime !== undefined || content !== undefined || mode !== undefined
  const locked = await lockForEdit(tx, request, { claimed: !changesWork })
  if (locked.kind !== 'locked') return locked

  const { slot, plan } = locked
  const brief = briefOf(slot, request.change)
  const media = await lockMediaOf(tx, request.organizationId, [brief.content])
  if (brief.content.kind === 'media' && !media.has(brief.content.mediaId))
    return { kind: 'missing', field: 'content.mediaId' }
  // A claimed slot may be due already; its time does not change.
  const now = slot.claimedAt ? Number.NEGATIVE_INFINITY : await readDatabaseTime(tx)
  const creator = await readCreatorSettings(tx, plan.accountId)
  const read = validateSlot(brief, { path: '', timeZone: plan.timeZone, creator, media, now })
  if (read.kind === 'invalid') return read

  const { organizationId } = request
  // Locks all jobs of the plan at once: several jobs are always locked oldest first.
  await lockPlanJobs(tx, organizationId, plan.id)
  if (slot.claimedAt === null) await changeSlot(tx, slot.id, read.content)
  else {
    const content = { ...read.content, publishAt: slot.publishAt, tzdataVersion: slot.tzdataVersion }
    if (!(await canStillChange(tx, slot.id, slot, content))) return { kind: 'claimed', slotId: slot.id }
    await changePost(tx, slot.id, content)
  }
  const holds = await applyHolds(tx, deps, { organizationId, planId: plan.id })
  const payload = { from: plan.state, to: locked.after }
  await appendEvent(tx, { organizationId, type: 'slot.updated', planId: plan.id, slotId: slot.id, payload })
  return { kind: 'done', slotId: slot.id, planId: plan.id, ...holds }
}

/** The slot as it would be written now. Who made another video is stated anew. */
function briefOf(slot: SlotRecord, change: Partial<SlotInput>): SlotInput {
  const { wallTime, storyboard, mediaId, mode, caption, privacy, coverTimestampMs } = slot
  const { allowComment, allowDuet, allowStitch, brandContent, brandOrganic } = slot
  const content: ContentInput =
    mediaId === null ? { kind: 'storyboard', path: 'storyboard', storyboard } : { kind: 'media', mediaId }
  return {
    ...{ wallTime, content, mode, caption, privacy, coverTimestampMs },
    ...{ allowComment, allowDuet, allowStitch, brandContent, brandOrganic },
    isAigc: change.content === undefined ? slot.isAigc : null,
    ...change,
  }
}

/** Removes a slot that no job has claimed, or whose job was cancelled. Withdraws the plan's approval. */
export async function removeSlot(tx: Tx, request: SlotRequest): Promise<RemoveSlotResult> {
  const locked = await lockForEdit(tx, request)
  if (locked.kind !== 'locked') return locked

  const { slot, plan } = locked
  if (!(await deleteSlot(tx, slot.id))) return { kind: 'claimed', slotId: slot.id }
  const { organizationId } = request
  const payload = { from: plan.state, to: locked.after, wallTime: slot.wallTime }
  await appendEvent(tx, { organizationId, type: 'slot.removed', planId: plan.id, slotId: slot.id, payload })
  return { kind: 'done', slotId: slot.id, planId: plan.id }
}

type LockedSlot =
  | { readonly kind: 'locked'; readonly slot: SlotRecord; readonly plan: LockedPlan; readonly after: string }
  | Refusal

/**
 * Locks the plan, then the slot, as all writers do, and sends `edit` to the plan. Releases a slot whose job was cancelled.
 */
async function lockForEdit(
  tx: Tx,
  { organizationId, slotId }: SlotRequest,
  allowed: { readonly claimed: boolean } = { claimed: false },
): Promise<LockedSlot> {
  const [found] = await findSlots(tx, organizationId, [slotId])
  if (!found) return { kind: 'missing', field: 'slotId' }
  if (found.claimedAt && !allowed.claimed && !(await isCancelled(tx, slotId)))
    return { kind: 'claimed', slotId }

  const moved = await transitionPlan(tx, { organizationId, planId: found.planId, event: { type: 'edit' } })
  if (moved.kind !== 'moved') return moved
  const slot = await lockSlot(tx, organizationId, slotId)
  if (!slot) return { kind: 'missing', field: 'slotId' }
  const locked = { kind: 'locked', slot, plan: moved.before, after: moved.after } as const
  if (slot.claimedAt === null) return locked
  if (await isCancelled(tx, slotId)) {
    await releaseSlot(tx, slotId)
    return { ...locked, slot: { ...slot, claimedAt: null } }
  }
  return allowed.claimed ? locked : { kind: 'claimed', slotId }
}

async function isCancelled(tx: Tx, slotId: string): Promise<boolean> {
  return (await findCancelledSlots(tx, [slotId])).has(slotId)
}
