import { isTooLate } from '../../../machines/rules/lateness.ts'
import type { Tx } from '../../store/database.ts'
import { appendEvents } from '../../store/event/append.ts'
import { lockSlotToStart } from '../../store/plan/due-slots.ts'
import type { CommandDeps } from '../command-deps.ts'
import { openDebits } from '../quota/quota-period.ts'
import type { QuotaShort } from '../quota/reserve-quota.ts'
import { invalid, type Refusal } from '../refusal.ts'
import { problemOfKey } from '../text.ts'
import { startSlotJobs } from './start-slot-jobs.ts'

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
 * Starts the job of a slot, whether or not autopilot is on, and reserves its quota. Without quota nothing changes. Two round trips: the
 * locks and the rows.
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
  const start = await lockSlotToStart(tx, { organizationId, slotId, jobKey })
  if (!start) return { kind: 'missing' }
  const { slot, at, cancelled, existingJobId, runningJobId, quota } = start
  if (existingJobId !== null) return { kind: 'exists', jobId: existingJobId }
  if (quota === null) return { kind: 'notApproved' }
  if (isTooLate(slot.publishAt.getTime(), at)) return { kind: 'tooLate', publishAt: slot.publishAt }
  // The quota lock serializes the starts of an organization. The unique index on keys would refuse the row otherwise.
  if (runningJobId !== null) return { kind: 'underWay', jobId: runningJobId }
  const debits = await openDebits(tx, { organizationId, at }, quota)
  const starting = { ...slot, cancelled, jobKey, startedBy: 'person' } as const
  const { results, events } = await startSlotJobs(tx, deps, debits, [starting])
  await appendEvents(tx, organizationId, events)
  const started = results.get(slotId)
  if (!started) throw new Error(`slot ${slotId} was neither started nor refused`)
  return started
}
