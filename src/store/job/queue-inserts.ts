import { type RawBuilder, sql } from 'kysely'

/** The statement by which pg-boss inserts work into a queue, and its only parameter: the work as a JSON array. */
export interface QueueInsert {
  readonly text: string
  readonly work: string
}

/**
 * The same as a common table expression, for a statement that writes more. Nothing can be read from it. `chosen` selects the ids of the
 * work that is inserted; without it, all is.
 */
export function queuedOf({ text, work }: QueueInsert, chosen?: RawBuilder<unknown>): RawBuilder<unknown> {
  const [before, after, ...others] = text.split('$1')
  if (before === undefined || after === undefined || others.length > 0)
    throw new Error('pg-boss inserts with another number of parameters than one')
  const inserted = chosen
    ? sql`(select coalesce(json_agg(work), '[]')::text from json_array_elements(${work}::json) work
            where (work->>'id')::uuid in (${chosen}))`
    : sql`${work}`
  return sql`queued as (${sql.raw(before)}${inserted}${sql.raw(after)})`
}
