import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** pg-boss keeps its own tables in a schema of its own. */
export const queueSchema = 'reelpilot_queue'

/** What the queue has warned of, gathered by its kind. */
export interface QueueWarning {
  readonly type: string
  readonly seen: number
  readonly firstAt: Date
  readonly lastAt: Date
  /** The latest one's words. */
  readonly message: string
}

/** The warnings that pg-boss has kept, the most recent kind first; it deletes them itself after a month. */
export async function listQueueWarnings(db: Executor): Promise<readonly QueueWarning[]> {
  const { rows } = await sql<QueueWarning>`
    select type, count(*)::int as seen, min(created_on) as "firstAt", max(created_on) as "lastAt",
           (array_agg(message order by created_on desc))[1] as message
      from ${sql.id(queueSchema, 'warning')} group by type order by max(created_on) desc`.execute(db)
  return rows
}
