import { createHash } from 'node:crypto'
import type { PgBoss } from 'pg-boss'
import type { Executor } from '../store/database.ts'
import { within } from './boss.ts'
import { queues } from './queue-settings.ts'

export interface WakeUp {
  readonly jobId: string
  /** Whose turn it takes: see `FairWorker`. Null of wake-ups that were queued before they had one. */
  readonly organizationId: string | null
  /** What makes this wake-up unlike others of the job: its revision, or who asks. */
  readonly reason: string | number
  /** Epoch milliseconds; now if left out. */
  readonly at?: number
  /** Before all others: an account, for whose new token many jobs may wait. */
  readonly isFirst?: boolean
}

/** Queues wake-ups; the same one twice is one. Inside `tx` they exist exactly if the transaction commits. */
export async function queueWakeUps(boss: PgBoss, wakeUps: readonly WakeUp[], tx?: Executor): Promise<void> {
  if (wakeUps.length === 0) return
  const jobs = wakeUps.map(({ jobId, organizationId, reason, at, isFirst }) => ({
    id: nameUuid(`${jobId}/${reason}`),
    data: { jobId },
    ...(organizationId !== null && { group: { id: organizationId } }),
    ...(isFirst && { priority: 1 }),
    ...(at !== undefined && { startAfter: new Date(at).toISOString() }),
  }))
  // Whoever queues the same ones at the same moment waits for us, and must not be waited for.
  jobs.sort((a, b) => (a.id < b.id ? -1 : 1))
  await boss.insert(queues.wake, jobs, tx ? within(tx) : {})
}

/** A UUID that follows from a name (RFC 9562, version 8: ours, from SHA-256). */
export function nameUuid(name: string): string {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
