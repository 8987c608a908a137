import type { StartedBy } from '../../../machines/rules/clearance.ts'
import { isTooLate } from '../../../machines/rules/lateness.ts'
import { jobMachine } from '../../definitions/machines.ts'
import { wakeAtOf } from '../../durable/checkpoint.ts'
import { initialCheckpoint } from '../../durable/decide.ts'
import { nameUuid, queueWakeUps } from '../../queue/wake.ts'
import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { countJobsOfSlot, findJobOfSlot, findUnfinishedJob, insertInstance } from '../../store/job/jobs.ts'
import { lockSlotToStart } from '../../store/plan/due-slots.ts'
import { claimSlot } from '../../store/plan/slots.ts'
import type { QuotaMoment } from '../../store/quota/balances.ts'
import type { CommandDeps } from '../command-deps.ts'
import { openQuotaPeriods } from '../quota/quota-period.ts'
import { type QuotaShort, reserveQuota } from '../quota/reserve-quota.ts'
import { invalid, type Refusal } from '../refusal.ts'
import { problemOfKey } from '../text.ts'

export type StartJobResult =
  | { readonly kind: 'started'; readonly jobId: string }
  | { readonly kind: 'exists'; readonly jobId: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'tooLate'; readonly publishAt: Date }
  | { readonly kind: 'notApproved' }
  /** An unfinished job of another slot has the same job key. */
  | { readonly kind: 'underWay'; readonly jobId: string }
  | Extract<Refusal, { kind: 'invalid' }>
  | QuotaShort

/**
 * Starts the job of a slot, whether or not autopilot is on, and reserves its quota. Without quota nothing changes.
 *
 * A slot has one job, and another only after that one is cancelled: the job's id derives from the slot's id and from how many
 * jobs it had, and a unique index allows one job per slot that is not cancelled. A `jobKey`, the caller's own name for the
 * work, is refused to other slots until its job has finished.
 */
export async function startJob(
  tx: Tx,
  deps: CommandDeps,
  request: { readonly organizationId: string; readonly slotId: string; readonly jobKey?: string | null },
): Promise<StartJobResult> {
  const { organizationId, slotId, jobKey = null } = request
  const problem = jobKey === null ? null : problemOfKey(jobKey)
  if (problem !== null) return invalid('jobKey', problem)
  const slot = await lockSlotToStart(tx, organizationId, slotId)
  if (!slot) return { kind: 'missing' }
  const existing = await findJobOfSlot(tx, slotId)
  if (existing !== null) return { kind: 'exists', jobId: existing }
  if (slot.planState !== 'approved') return { kind: 'notApproved' }
  const at = await readDatabaseTime(tx)
  if (isTooLate(slot.publishAt.getTime(), at)) return { kind: 'tooLate', publishAt: slot.publishAt }
  const moment = await openQuotaPeriods(tx, { organizationId, at })
  // The quota lock serializes the starts of an organization. The unique index on keys would refuse the row otherwise.
  const runningJobId = jobKey === null ? null : await findUnfinishedJob(tx, organizationId, jobKey)
  if (runningJobId !== null) return { kind: 'underWay', jobId: runningJobId }
  return await insertSlotJob(tx, deps, moment, { ...slot, jobKey, startedBy: 'person' })
}

/** The id of a slot's job. `cancelled` is how many jobs of the slot were cancelled before. */
export function jobIdOf(slotId: string, cancelled = 0): string {
  return nameUuid(cancelled === 0 ? `job of slot ${slotId}` : `job of slot ${slotId} after ${cancelled}`)
}

/**
 * Inserts a job with its reservation, claim, wake-up and events, in the caller's transaction. The caller has locked the slot,
 * which has cancelled jobs only, and the quota. If the quota is short, nothing changes.
 */
export async function insertSlotJob(
  tx: Tx,
  { boss }: CommandDeps,
  moment: QuotaMoment,
  slot: {
    readonly slotId: string
    readonly accountId: string
    readonly publishAt: Date
    readonly seconds: number
    readonly jobKey?: string | null
    readonly startedBy: StartedBy
  },
): Promise<{ readonly kind: 'started'; readonly jobId: string } | QuotaShort> {
  const { organizationId } = moment
  const { slotId, accountId, seconds, startedBy, jobKey = null } = slot
  const at = moment.at.getTime()
  const jobId = jobIdOf(slotId, await countJobsOfSlot(tx, slotId))
  const reserved = await reserveQuota(tx, moment, { jobId, slotId, seconds })
  if (reserved.kind === 'quotaShort') return reserved

  const input = { slotId, accountId, publishAt: slot.publishAt.getTime() }
  const checkpoint = initialCheckpoint(jobMachine, input, { at, key: `${jobId}/1`, epoch: null })
  const wakeAt = wakeAtOf(checkpoint, at)
  const job = { id: jobId, organizationId, slotId, accountId, checkpoint, wakeAt, jobKey, startedBy }
  const inserted = await insertInstance(tx, job)
  if (!inserted) throw new Error(`slot ${slotId} or its job key has a job, but the slot is not claimed`)
  await claimSlot(tx, slotId, moment.at)
  await queueWakeUps(boss, [{ jobId, organizationId, reason: 1 }], tx)
  await appendEvent(tx, {
    organizationId,
    type: 'job.transitioned',
    jobId,
    jobRevision: 1,
    slotId,
    accountId,
    payload: { from: null, to: checkpoint.state, event: 'start', tag: checkpoint.tag, progress: null },
  })
  for (const event of reserved.events) await appendEvent(tx, event)
  return { kind: 'started', jobId }
}
