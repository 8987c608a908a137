import type { PgBoss } from 'pg-boss'
import type { Executor } from '../store/database.ts'
import { within } from './boss.ts'
import { queues } from './queue-settings.ts'
import { nameUuid } from './wake.ts'

/**
 * Queues the handling of a webhook delivery; it is queued if the transaction that stores the delivery commits. The same delivery twice
 * is queued once, unless `attempt` names another attempt.
 */
export async function queueDelivery(boss: PgBoss, key: string, tx: Executor, attempt = ''): Promise<void> {
  await boss.insert(queues.webhook, [{ id: nameUuid(`webhook ${key}${attempt}`), data: { key } }], within(tx))
}

/** Handles deliveries, one at a time, as they arrive. */
export async function workDeliveries(boss: PgBoss, handle: (key: string) => Promise<void>): Promise<void> {
  const workId: string = await boss.work<{ key: string }>(
    queues.webhook,
    {
      // Polls besides NOTIFY: pg-boss's default of 30 s would delay retries.
      pollingIntervalSeconds: 1,
      notifyPollingIntervalSeconds: 1,
      // Three heartbeats before the queue misses one, as in `FairWorker`.
      heartbeatRefreshSeconds: 3,
    },
    async ([delivery]) => {
      if (!delivery) return
      await handle(delivery.data.key)
      boss.notifyWorker(workId) // There may be more: fetch again at once.
    },
  )
}
