import type { JobWithMetadata, PgBoss } from 'pg-boss'
import { type Cause, readCause } from './cause.ts'
import { queues } from './queues.ts'

/** Something that nobody got through with, as often as it may be tried. */
export interface Lost {
  readonly cause: Cause
  readonly tries: number
  /** When the queue gave up. */
  readonly at: Date
  /** Whether it was tried before to write this down, in vain. */
  readonly isRepeated: boolean
}

/** Takes the wake-ups that nobody got through with. */
export async function workLostWakeUps(
  boss: PgBoss,
  take: (jobId: string, lost: Lost) => Promise<void>,
): Promise<void> {
  await workLost<{ jobId: string }>(boss, queues.lostWake, ({ jobId }, lost) => take(jobId, lost))
}

/** Takes the webhook deliveries that could not be taken in. */
export async function workLostDeliveries(
  boss: PgBoss,
  take: (key: string, lost: Lost) => Promise<void>,
): Promise<void> {
  await workLost<{ key: string }>(boss, queues.lostWebhook, ({ key }, lost) => take(key, lost))
}

/**
 * pg-boss could put them back by itself (`redrive`), but only as long as they lie in its queue. Ours become rows that people
 * see, and whose machines know.
 */
async function workLost<Data extends object>(
  boss: PgBoss,
  queue: string,
  take: (data: Data, lost: Lost) => Promise<void>,
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
        tries: (letter.sourceRetryCount ?? 0) + 1,
        at: letter.createdOn,
        isRepeated: letter.retryCount > 0,
      })
      boss.notifyWorker(workId) // What lost one may have lost many: ask again at once.
    },
  )
}
