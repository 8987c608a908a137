import type { StartedBy } from '../../../machines/rules/clearance.ts'
import { jobMachine } from '../../definitions/machines.ts'
import { wakeAtOf } from '../../durable/checkpoint.ts'
import { initialCheckpoint } from '../../durable/decide.ts'
import { nameUuid, wakeUpInsert } from '../../queue/wake.ts'
import type { Tx } from '../../store/database.ts'
import type { NewEvent } from '../../store/event/append.ts'
import type { NewInstance } from '../../store/job/jobs.ts'
import { insertJobs } from '../../store/job/new-jobs.ts'
import type { QuotaMoment } from '../../store/quota/balances.ts'
import type { QuotaDebits } from '../../store/quota/debits.ts'
import { findNextAvailableAt } from '../../store/quota/reservations.ts'
import type { CommandDeps } from '../command-deps.ts'
import { type JobWork, type QuotaShort, reserveIn } from '../quota/reserve-quota.ts'

/** A slot whose job is to start. The transaction has locked it, and it has no job that is not cancelled. */
export interface StartingSlot extends JobWork {
  readonly slotId: string
  readonly accountId: string
  readonly publishAt: Date
  /** How many jobs of the slot were cancelled before. */
  readonly cancelled: number
  readonly jobKey?: string | null
  readonly startedBy: StartedBy
}

export type StartedSlot = { readonly kind: 'started'; readonly jobId: string } | QuotaShort

export interface StartedSlots {
  /** By the slot's id. */
  readonly results: ReadonlyMap<string, StartedSlot>
  /** Events that are not appended yet: the caller appends them, after all other locks. */
  readonly events: readonly NewEvent[]
}

/** The id of a slot's job. `cancelled` is how many jobs of the slot were cancelled before. */
export function jobIdOf(slotId: string, cancelled = 0): string {
  return nameUuid(cancelled === 0 ? `job of slot ${slotId}` : `job of slot ${slotId} after ${cancelled}`)
}

/**
 * Starts the jobs of slots of one organization, in their order, as far as its quota goes, and returns a result for each. Jobs, claims,
 * reservations and wake-ups are written by one statement, however many they are.
 */
export async function startSlotJobs(
  tx: Tx,
  { boss }: CommandDeps,
  debits: QuotaDebits,
  slots: readonly StartingSlot[],
): Promise<StartedSlots> {
  const { organizationId } = debits.moment
  const jobs: (NewInstance & { readonly slotId: string })[] = []
  const events: NewEvent[] = []
  const results = new Map<string, Started | Short>()
  for (const [index, slot] of slots.entries()) {
    // A chunk takes tens of milliseconds in all: the commits and heartbeats of this process go on in between.
    if (index % 50 === 49) await new Promise(setImmediate)
    const { slotId, seconds, isGenerated } = slot
    const jobId = jobIdOf(slotId, slot.cancelled)
    const reserved = reserveIn(debits, { jobId, slotId, seconds, isGenerated })
    if (reserved.kind === 'quotaShort') {
      results.set(slotId, reserved)
      continue
    }
    const job = firstRevision(organizationId, slot, jobId, debits.moment.at.getTime())
    jobs.push(job)
    events.push(startEvent(job), ...reserved.events)
    results.set(slotId, { kind: 'started', jobId })
  }
  // The events of one job are written with it, which saves a trip. The events of many come after everything that takes long, because
  // they lock the organization's event sequence. To queue a wake-up under that lock is safe: nobody else queues those of a new job.
  const isSingle = jobs.length === 1
  if (jobs.length > 0) {
    const wakeUps = jobs.map(({ id: jobId }) => ({ jobId, organizationId, reason: 1 }))
    await insertJobs(tx, debits, {
      instances: jobs,
      wakeUps: await wakeUpInsert(boss, wakeUps, tx),
      events: isSingle ? events : [],
    })
  }
  return { results: await withNextAvailable(tx, debits.moment, results), events: isSingle ? [] : events }
}

type Started = Extract<StartedSlot, { kind: 'started' }>
type Short = Omit<QuotaShort, 'nextAvailableAt'>

function firstRevision(organizationId: string, slot: StartingSlot, jobId: string, at: number) {
  const { slotId, accountId, publishAt, jobKey = null, startedBy } = slot
  const input = { slotId, accountId, publishAt: publishAt.getTime() }
  const checkpoint = initialCheckpoint(jobMachine, input, { at, key: `${jobId}/1`, epoch: null })
  const wakeAt = wakeAtOf(checkpoint, at)
  return { id: jobId, organizationId, slotId, accountId, checkpoint, wakeAt, jobKey, startedBy }
}

function startEvent({
  id,
  organizationId,
  slotId,
  accountId,
  checkpoint,
}: ReturnType<typeof firstRevision>): NewEvent {
  const payload = { from: null, to: checkpoint.state, event: 'start', tag: checkpoint.tag, progress: null }
  return { organizationId, type: 'job.transitioned', jobId: id, jobRevision: 1, slotId, accountId, payload }
}

/** Adds to each shortage when its limit allows more; it is looked up once per limit. */
async function withNextAvailable(
  tx: Tx,
  moment: QuotaMoment,
  results: ReadonlyMap<string, Started | Short>,
): Promise<ReadonlyMap<string, StartedSlot>> {
  const known = new Map<string, Date | null>()
  const answers = new Map<string, StartedSlot>()
  for (const [slotId, result] of results) {
    if (result.kind === 'started') {
      answers.set(slotId, result)
      continue
    }
    const limit = `${result.metric} ${result.period}`
    const nextAvailableAt = known.has(limit)
      ? (known.get(limit) ?? null)
      : await findNextAvailableAt(tx, moment, result)
    known.set(limit, nextAvailableAt)
    answers.set(slotId, { ...result, nextAvailableAt })
  }
  return answers
}
