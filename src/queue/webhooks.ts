import type { PgBoss } from 'pg-boss'
import type { Executor } from '../store/database.ts'
import { within } from './boss.ts'
import { queues } from './queue-settings.ts'
import { nameUuid } from './wake.ts'

/**
 * Queues a webhook delivery to be taken in, exactly if the transaction that keeps it commits. The same twice is one; `again`
 * names another attempt at it.
 */
export async function queueDelivery(boss: PgBoss, key: string, tx: Executor, again = ''): Promise<void> {
  await boss.insert(queues.webhook, [{ id: nameUuid(`webhook ${key}${again}`), data: { key } }], within(tx))
}

/** Takes deliveries in, one after the other, as they come. */
export async function workDeliveries(boss: PgBoss, take: (key: string) => Promise<void>): Promise<void> {
  const workId: string = await boss.work<{ key: string }>(
    queues.webhook,
    {
      // Polling is the floor under NOTIFY; pg-boss's default of 30 s would starve what is retried.
      pollingIntervalSeconds: 1,
      notifyPollingIntervalSeconds: 1,
      // Three times before it is missed, as in `FairWorker`.
      heartbeatRefreshSeconds: 3,
    },
    async ([delivery]) => {
      if (!delivery) return
      await take(delivery.data.key)
      boss.notifyWorker(workId) // There may be more: ask again at once.
    },
  )
}
