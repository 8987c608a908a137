import { createHash } from 'node:crypto'
import type { JobInsert, PgBoss } from 'pg-boss'
import type { Executor } from '../store/database.ts'
import { recordQueued } from '../store/event/changes.ts'
import type { QueueInsert } from '../store/job/queue-inserts.ts'
import { insertOf, within } from './boss.ts'
import { queues } from './queue-settings.ts'

export interface WakeUp {
  readonly jobId: string
  /** The group for `FairWorker`. Null for work without a group. */
  readonly organizationId: string | null
  /** Distinguishes this wake-up from others of the instance: its revision, or the source of the request. */
  readonly reason: string | number
  /** Epoch milliseconds. Default: now. */
  readonly at?: number
  /** Comes before all others: an account whose new token many jobs may wait for. */
  readonly isFirst?: boolean
}

/**
 * Queues wake-ups. The same one twice is queued once. With `tx` they are queued if the transaction commits, and `runCommand` then
 * notifies the workers: a NOTIFY inside of the transaction would make it wait for the commits of all others that notify. Without a
 * notification a worker finds them within a second.
 */
export async function queueWakeUps(boss: PgBoss, wakeUps: readonly WakeUp[], tx?: Executor): Promise<void> {
  if (wakeUps.length === 0) return
  await boss.insert(queues.wake, workOf(wakeUps), tx ? within(tx) : {})
  if (tx) recordDue(tx, wakeUps)
}

/**
 * The statement that `queueWakeUps` would run, for a larger one that the transaction is to run instead. Notifies the workers as
 * `queueWakeUps` does.
 */
export async function wakeUpInsert(
  boss: PgBoss,
  wakeUps: readonly WakeUp[],
  tx: Executor,
): Promise<QueueInsert> {
  const insert = await insertOf(boss, queues.wake, workOf(wakeUps))
  recordDue(tx, wakeUps)
  return insert
}

/** The id of a wake-up in the queue. */
export function wakeUpId({ jobId, reason }: Pick<WakeUp, 'jobId' | 'reason'>): string {
  return nameUuid(`${jobId}/${reason}`)
}

function recordDue(tx: Executor, wakeUps: readonly WakeUp[]): void {
  if (wakeUps.some(({ at }) => at === undefined || at <= Date.now())) recordQueued(tx, queues.wake)
}

/** In a fixed order, which prevents deadlocks between processes that queue the same wake-ups at the same moment. */
function workOf(wakeUps: readonly WakeUp[]): JobInsert[] {
  return wakeUps
    .map(({ jobId, organizationId, reason, at, isFirst }) => ({
      id: wakeUpId({ jobId, reason }),
      data: { jobId },
      ...(organizationId !== null && { group: { id: organizationId } }),
      ...(isFirst && { priority: 1 }),
      ...(at !== undefined && { startAfter: new Date(at).toISOString() }),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Derives a UUID from a name by SHA-256 (RFC 9562, version 8). */
export function nameUuid(name: string): string {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
