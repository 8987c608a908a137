import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** The schema of pg-boss's tables. */
export const queueSchema = 'reelpilot_queue'

/** The queue's warnings of one type. */
export interface QueueWarning {
  readonly type: string
  readonly count: number
  readonly firstAt: Date
  readonly lastAt: Date
  /** The latest message. */
  readonly message: string
}

/** The stored warnings by type, the most recent first. pg-boss deletes them after 30 days. */
export async function listQueueWarnings(db: Executor): Promise<readonly QueueWarning[]> {
  const { rows } = await sql<QueueWarning>`
    select type, count(*)::int as count, min(created_on) as "firstAt", max(created_on) as "lastAt",
           (array_agg(message order by created_on desc))[1] as message
      from ${sql.id(queueSchema, 'warning')} group by type order by max(created_on) desc`.execute(db)
  return rows
}
