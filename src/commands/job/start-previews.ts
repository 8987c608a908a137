import { randomUUID } from 'node:crypto'
import { jobMachine } from '../../definitions/machines.ts'
import { wakeAtOf } from '../../durable/checkpoint.ts'
import { initialCheckpoint } from '../../durable/decide.ts'
import { queueWakeUps } from '../../queue/wake.ts'
import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { appendEvents, type NewEvent } from '../../store/event/append.ts'
import { insertPreviews, lockPreviewableSlots, type PreviewableSlot } from '../../store/plan/previews.ts'
import { lockOrganizationSlots } from '../../store/plan/slots.ts'
import { findNextAvailableAt, writeDebits } from '../../store/quota/reservations.ts'
import type { CommandDeps } from '../command-deps.ts'
import { openDebits } from '../quota/quota-period.ts'
import { type QuotaShort, reserveIn } from '../quota/reserve-quota.ts'
import { invalid, type Refusal } from '../refusal.ts'

export type RenderPreviewResult =
  | { readonly kind: 'done'; readonly slotId: string; readonly jobId: string }
  | Refusal

/**
 * Renders the video of a slot's storyboard before its approval, by a job of its own, and reserves its quota. The job of the slot then
 * posts that video, unless the storyboard changes. A preview that renders or shows the present storyboard is not rendered again.
 */
export async function renderPreview(
  tx: Tx,
  deps: CommandDeps,
  { organizationId, slotId }: { readonly organizationId: string; readonly slotId: string },
): Promise<RenderPreviewResult> {
  const [slot] = await lockPreviewableSlots(tx, organizationId, { slotId })
  if (!slot) return { kind: 'missing', field: 'slotId' }
  const { planState: state, hasStoryboard, previewJobId } = slot
  if (state === 'archived') return { kind: 'refused', state, event: 'renderPreview' }
  if (!hasStoryboard) return invalid('slotId', 'names a slot with a media: its video is there already')
  if (previewJobId !== null) return { kind: 'done', slotId, jobId: previewJobId }
  const started = await startPreviews(tx, deps, organizationId, [slot])
  if (started.kind === 'quotaShort') return started
  return { kind: 'done', slotId, jobId: started.jobIds[0] ?? '' }
}

/** Locks the slots of a plan, and lists those whose storyboard has no preview. A command that also locks jobs or quota calls this first. */
export async function lockSlotsWithoutPreview(
  tx: Tx,
  organizationId: string,
  planId: string,
): Promise<readonly PreviewableSlot[]> {
  await lockOrganizationSlots(tx, organizationId)
  const slots = await lockPreviewableSlots(tx, organizationId, { planId })
  return slots.filter(({ hasStoryboard, previewJobId }) => hasStoryboard && previewJobId === null)
}

/** Starts the previews of locked slots and reserves their quota: for all of them, or for none if it is short. */
export async function startPreviews(
  tx: Tx,
  { boss }: CommandDeps,
  organizationId: string,
  slots: readonly PreviewableSlot[],
): Promise<{ readonly kind: 'started'; readonly jobIds: readonly string[] } | QuotaShort> {
  if (slots.length === 0) return { kind: 'started', jobIds: [] }
  const at = await readDatabaseTime(tx)
  const debits = await openDebits(tx, { organizationId, at })
  const events: NewEvent[] = []
  const previews: Parameters<typeof insertPreviews>[2][number][] = []
  for (const { slotId, accountId, publishAt, seconds } of slots) {
    const jobId = randomUUID()
    const reserved = reserveIn(debits, { purpose: 'preview', jobId, slotId, seconds, isGenerated: true })
    if (reserved.kind === 'quotaShort')
      return { ...reserved, nextAvailableAt: await findNextAvailableAt(tx, debits.moment, reserved) }
    const input = { purpose: 'preview', slotId, accountId, publishAt: publishAt.getTime() }
    const checkpoint = initialCheckpoint(jobMachine, input, { at, key: `${jobId}/1`, epoch: null })
    const { state: to, tag } = checkpoint
    const wakeAt = wakeAtOf(checkpoint, at)
    const job = {
      id: jobId,
      organizationId,
      slotId: null,
      accountId,
      checkpoint,
      wakeAt,
      startedBy: 'person' as const,
    }
    previews.push({ slotId, job })
    const payload = { from: null, to, event: 'start', tag, progress: null }
    const started = { type: 'job.transitioned', jobId, jobRevision: 1, accountId, payload } as const
    events.push({ organizationId, ...started }, ...reserved.events)
  }
  await writeDebits(tx, debits)
  await insertPreviews(tx, organizationId, previews)
  const jobIds = previews.map(({ job }) => job.id)
  const wakeUps = jobIds.map((jobId) => ({ jobId, organizationId, reason: 1 }))
  await queueWakeUps(boss, wakeUps, tx)
  await appendEvents(tx, organizationId, events)
  return { kind: 'started', jobIds }
}
