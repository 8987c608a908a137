import { randomUUID } from 'node:crypto'
import { jobMachine } from '../../definitions/machines.ts'
import { wakeAtOf } from '../../durable/checkpoint.ts'
import { initialCheckpoint } from '../../durable/decide.ts'
import { queueWakeUps } from '../../queue/wake.ts'
import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { appendEvents, type NewEvent } from '../../store/event/append.ts'
import { insertInstance } from '../../store/job/jobs.ts'
import { findPlans } from '../../store/plan/plans.ts'
import { findUsablePreview, insertPreview } from '../../store/plan/previews.ts'
import { lockSlot } from '../../store/plan/slots.ts'
import { parseStoryboard } from '../../storyboard/parse-storyboard.ts'
import { secondsOf } from '../../storyboard/storyboard.ts'
import type { CommandDeps } from '../command-deps.ts'
import { openQuotaPeriods } from '../quota/quota-period.ts'
import { reserveQuota } from '../quota/reserve-quota.ts'
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
  { boss }: CommandDeps,
  { organizationId, slotId }: { readonly organizationId: string; readonly slotId: string },
): Promise<RenderPreviewResult> {
  const slot = await lockSlot(tx, organizationId, slotId)
  if (!slot) return { kind: 'missing', field: 'slotId' }
  const [plan] = await findPlans(tx, organizationId, [slot.planId])
  if (!plan) throw new Error(`the plan of slot ${slotId} is missing`)
  if (plan.state === 'archived') return { kind: 'refused', state: plan.state, event: 'renderPreview' }
  if (slot.storyboard === null)
    return invalid('slotId', 'names a slot with a media: its video is there already')
  const existing = await findUsablePreview(tx, organizationId, slotId)
  if (existing !== undefined) return { kind: 'done', slotId, jobId: existing }
  const parsed = parseStoryboard(slot.storyboard)
  if (parsed.kind === 'invalid')
    return invalid('slotId', 'names a slot whose storyboard is invalid: update it first')

  const jobId = randomUUID()
  const { accountId } = plan
  const at = await readDatabaseTime(tx)
  const input = { purpose: 'preview' as const, slotId, accountId, publishAt: slot.publishAt.getTime() }
  const checkpoint = initialCheckpoint(jobMachine, input, { at, key: `${jobId}/1`, epoch: null })
  const moment = await openQuotaPeriods(tx, { organizationId, at })
  const work = {
    purpose: 'preview',
    seconds: Math.ceil(secondsOf(parsed.storyboard)),
    isGenerated: true,
  } as const
  const reserved = await reserveQuota(tx, moment, { jobId, slotId, ...work })
  if (reserved.kind === 'quotaShort') return reserved
  const wakeAt = wakeAtOf(checkpoint, at)
  await insertInstance(tx, {
    id: jobId,
    organizationId,
    slotId: null,
    accountId,
    checkpoint,
    wakeAt,
    startedBy: 'person',
  })
  await insertPreview(tx, organizationId, { jobId, slotId })
  await queueWakeUps(boss, [{ jobId, organizationId, reason: 1 }], tx)
  const payload = { from: null, to: checkpoint.state, event: 'start', tag: checkpoint.tag, progress: null }
  const started: NewEvent = {
    organizationId,
    type: 'job.transitioned',
    jobId,
    jobRevision: 1,
    accountId,
    payload,
  }
  await appendEvents(tx, organizationId, [started, ...reserved.events])
  return { kind: 'done', slotId, jobId }
}
