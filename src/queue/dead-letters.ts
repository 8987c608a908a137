import type { JobWithMetadata, PgBoss } from 'pg-boss'
import { type FailureCause, readCause } from './failure-cause.ts'
import { queues } from './queue-settings.ts'

/** Work that the queue gave up on after its last attempt. */
export interface DeadLetter {
  readonly cause: FailureCause
  readonly attempts: number
  /** When the queue gave up. */
  readonly at: Date
  /** Whether an earlier attempt to record it failed. */
  readonly isRepeated: boolean
}

/** Handles the wake-ups that the queue gave up on. */
export async function workDeadWakeUps(
  boss: PgBoss,
  handle: (instanceId: string, deadLetter: DeadLetter) => Promise<void>,
): Promise<void> {
  await workDead<{ jobId: string }>(boss, queues.deadWake, ({ jobId }, deadLetter) =>
    handle(jobId, deadLetter),
  )
}

/** Handles the webhook deliveries that the queue gave up on. */
export async function workDeadDeliveries(
  boss: PgBoss,
  handle: (key: string, deadLetter: DeadLetter) => Promise<void>,
): Promise<void> {
  await workDead<{ key: string }>(boss, queues.deadWebhook, ({ key }, deadLetter) => handle(key, deadLetter))
}

/**
 * pg-boss can redrive dead letters itself, but only while they are in its queue. Ours become rows that people see and that the machines
 * know about.
 */
async function workDead<Data extends object>(
  boss: PgBoss,
  queue: string,
  handle: (data: Data, deadLetter: DeadLetter) => Promise<void>,
): Promise<void> {
  const workId: string = await boss.work(
    queue,
    {
      // The source queue and the result of the last attempt.
      includeMetadata: true,
      // A dead letter is half an hour old: a second more does not matter.
      pollingIntervalSeconds: 2,
    },
    async ([message]: readonly JobWithMetadata<Data>[]) => {
      if (!message) return
      await handle(message.data, {
        cause: readCause(message.sourceOutput),
        attempts: (message.sourceRetryCount ?? 0) + 1,
        at: message.createdOn,
        isRepeated: message.retryCount > 0,
      })
      boss.notifyWorker(workId) // One cause may have produced many: fetch again at once.
    },
  )
}
