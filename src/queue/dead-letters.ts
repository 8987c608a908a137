import type { JobWithMetadata, PgBoss } from 'pg-boss'
import { type FailureCause, readCause } from './failure-cause.ts'
import { queues } from './queue-settings.ts'

/** Something that nobody got through with, as often as it may be tried. */
export interface DeadLetter {
  readonly cause: FailureCause
  readonly attempts: number
  /** When the queue gave up. */
  readonly at: Date
  /** Whether it was tried before to write this down, in vain. */
  readonly isRepeated: boolean
}

/** Takes the wake-ups that nobody got through with. */
export async function workDeadWakeUps(
  boss: PgBoss,
  take: (jobId: string, lost: DeadLetter) => Promise<void>,
): Promise<void> {
  await workDead<{ jobId: string }>(boss, queues.deadWake, ({ jobId }, lost) => take(jobId, lost))
}

/** Takes the webhook deliveries that could not be taken in. */
export async function workDeadDeliveries(
  boss: PgBoss,
  take: (key: string, lost: DeadLetter) => Promise<void>,
): Promise<void> {
  await workDead<{ key: string }>(boss, queues.deadWebhook, ({ key }, lost) => take(key, lost))
}

/**
 * pg-boss could put them back by itself (`redrive`), but only as long as they lie in its queue. Ours become rows that people
 * see, and whose machines know.
 */
async function workDead<Data extends object>(
  boss: PgBoss,
  queue: string,
  take: (data: Data, lost: DeadLetter) => Promise<void>,
): Promise<void> {
  const workId: string = await boss.work(
    queue,
    {
      // Where it comes from, and what became of its last try.
      includeMetadata: true,
      // It is half an hour old: a second more does not matter.
      pollingIntervalSeconds: 2,
    },
    async ([letter]: readonly JobWithMetadata<Data>[]) => {
      if (!letter) return
      await take(letter.data, {
        cause: readCause(letter.sourceOutput),
        attempts: (letter.sourceRetryCount ?? 0) + 1,
        at: letter.createdOn,
        isRepeated: letter.retryCount > 0,
      })
      boss.notifyWorker(workId) // What lost one may have lost many: ask again at once.
    },
  )
}
