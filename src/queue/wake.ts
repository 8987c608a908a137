import { createHash } from 'node:crypto'
import type { PgBoss } from 'pg-boss'
import type { Executor } from '../store/database.ts'
import { within } from './boss.ts'
import { queues } from './queues.ts'

export interface WakeUp {
  readonly jobId: string
  /** What makes this wake-up unlike others of the job: its revision, or who asks. */
  readonly reason: string | number
  /** Epoch milliseconds; now if left out. */
  readonly at?: number
}

/** Queues wake-ups; the same one twice is one. Inside `tx` they exist exactly if the transaction commits. */
export async function queueWakeUps(boss: PgBoss, wakeUps: readonly WakeUp[], tx?: Executor): Promise<void> {
  if (wakeUps.length === 0) return
  const jobs = wakeUps.map(({ jobId, reason, at }) => ({
    id: nameUuid(`${jobId}/${reason}`),
    data: { jobId },
    ...(at !== undefined && { startAfter: new Date(at).toISOString() }),
  }))
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
