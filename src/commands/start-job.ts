import { wakeAtOf } from '../durable/checkpoint.ts'
import { begin } from '../durable/decide.ts'
import { nameUuid, queueWakeUps } from '../queue/wake.ts'
import type { Tx } from '../store/database.ts'
import { appendEvent } from '../store/event-store.ts'
import { insertJob, readDatabaseTime } from '../store/job-store.ts'
import type { CommandDeps } from './deps.ts'
import { jobMachine } from './job-machine.ts'

export type JobStarted =
  | { readonly kind: 'started'; readonly jobId: string }
  | { readonly kind: 'exists'; readonly jobId: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'tooLate'; readonly publishAt: Date }
  | { readonly kind: 'notApproved' }

/** How late a slot may be and still be posted. */
export const mostLatenessMs = 3_600_000

/**
 * Starts the job of a slot, whatever autopilot says. One per slot for ever: the job's id follows from the slot's, its
 * row is unique by slot, and so are the ids of its wake-ups.
 */
export async function startJob(
  tx: Tx,
  deps: CommandDeps,
  request: { readonly organizationId: string; readonly slotId: string },
): Promise<JobStarted> {
  const { organizationId, slotId } = request
  const slot = await tx
    .selectFrom('slot')
    .innerJoin('plan', 'plan.id', 'slot.plan_id')
    .select(['slot.publish_at', 'plan.account_id', 'plan.state'])
    .where('slot.organization_id', '=', organizationId)
    .where('slot.id', '=', slotId)
    .executeTakeFirst()
  if (!slot) return { kind: 'missing' }
  const jobId = jobIdOf(slotId)
  const existing = await tx.selectFrom('job').select('id').where('id', '=', jobId).executeTakeFirst()
  if (existing) return { kind: 'exists', jobId }
  if (slot.state !== 'approved') return { kind: 'notApproved' }
  const at = await readDatabaseTime(tx)
  if (slot.publish_at.getTime() < at - mostLatenessMs) return { kind: 'tooLate', publishAt: slot.publish_at }
  const started = await insertSlotJob(tx, deps, {
    organizationId,
    slotId,
    accountId: slot.account_id,
    publishAt: slot.publish_at,
    at,
  })
  return { kind: started ? 'started' : 'exists', jobId }
}

export function jobIdOf(slotId: string): string {
  return nameUuid(`job of slot ${slotId}`)
}

/** Row, claim, wake-up and event of a new job, all in the caller's transaction; false if there is one already. */
export async function insertSlotJob(
  tx: Tx,
  { boss }: CommandDeps,
  slot: {
    readonly organizationId: string
    readonly slotId: string
    readonly accountId: string
    readonly publishAt: Date
    readonly at: number
  },
): Promise<boolean> {
  const { organizationId, slotId, accountId, at } = slot
  const jobId = jobIdOf(slotId)
  const input = { slotId, accountId, publishAt: slot.publishAt.getTime() }
  const checkpoint = begin(jobMachine, input, { at, key: `${jobId}/1`, epoch: null })
  const inserted = await insertJob(tx, {
    id: jobId,
    organizationId,
    slotId,
    accountId,
    checkpoint,
    wakeAt: wakeAtOf(checkpoint, at),
  })
  if (!inserted) return false
  await tx
    .updateTable('slot')
    .set({ claimed_at: new Date(at) })
    .where('id', '=', slotId)
    .execute()
  await queueWakeUps(boss, [{ jobId, reason: 1 }], tx)
  await appendEvent(tx, {
    organizationId,
    type: 'job.moved',
    jobId,
    jobRevision: 1,
    slotId,
    accountId,
    payload: { from: null, to: checkpoint.state, event: 'start', tag: checkpoint.tag, progress: null },
  })
  return true
}
