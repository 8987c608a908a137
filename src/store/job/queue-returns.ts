import { queueSchema } from './queue-warnings.ts'

/** The connection of pg-boss. */
interface QueueDatabase {
  executeSql(text: string, values: unknown[]): Promise<unknown>
}

/**
 * Returns fetched work that was never started to the queue, due as before. Its next attempt has the same number as this one, because
 * `started_on` is null: nothing was attempted. Work that the queue has given to another process since is left alone; pg-boss's own
 * `restore` would take it away from there.
 */
export async function returnUnstarted(
  db: QueueDatabase,
  queue: string,
  attempts: readonly { readonly id: string; readonly retryCount: number }[],
): Promise<void> {
  await db.executeSql(
    `update ${queueSchema}.job set state = 'created', started_on = null, heartbeat_on = null
      where name = $1 and state = 'active' and id = any($2::uuid[]) and id::text || ':' || retry_count = any($3::text[])`,
    [queue, attempts.map(({ id }) => id), attempts.map(({ id, retryCount }) => `${id}:${retryCount}`)],
  )
}
