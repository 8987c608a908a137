import { createHash } from 'node:crypto'
import type { PgBoss } from 'pg-boss'
import type { Executor } from '../store/database.ts'
import { recordQueued } from '../store/event/changes.ts'
import { within } from './boss.ts'
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
  const jobs = wakeUps.map(({ jobId, organizationId, reason, at, isFirst }) => ({
    id: nameUuid(`${jobId}/${reason}`),
    data: { jobId },
    ...(organizationId !== null && { group: { id: organizationId } }),
    ...(isFirst && { priority: 1 }),
    ...(at !== undefined && { startAfter: new Date(at).toISOString() }),
  }))
  // A fixed order prevents deadlocks between processes that queue the same wake-ups at the same moment.
  jobs.sort((a, b) => (a.id < b.id ? -1 : 1))
  await boss.insert(queues.wake, jobs, tx ? within(tx) : {})
  if (tx && jobs.some(({ startAfter }) => startAfter === undefined || Date.parse(startAfter) <= Date.now()))
    recordQueued(tx, queues.wake)
}

/** Derives a UUID from a name by SHA-256 (RFC 9562, version 8). */
export function nameUuid(name: string): string {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
