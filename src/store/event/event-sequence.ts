import { type RawBuilder, sql } from 'kysely'

/**
 * Common table expressions that move the event sequences of organizations on by as many events as `rows`, a common table
 * expression before them, has of each. `heads` then has where each began: (organization_id, base).
 *
 * A sequence is held until the commit, and they are locked in the order of their organizations: whoever needs several takes
 * them all here, and last of everything that it locks.
 */
export function sequencesFor(rows: 'moved' | 'told'): RawBuilder<unknown> {
  return sql`counted as (
      select organization_id, count(*) as events from ${sql.table(rows)} group by organization_id
    ), locked as materialized (
      select organization_id from event_head
       where organization_id in (select organization_id from counted)
       order by organization_id for update
    ), heads as (
      update event_head set sequence = event_head.sequence + counted.events
        from counted join locked using (organization_id)
       where event_head.organization_id = counted.organization_id
      returning event_head.organization_id, event_head.sequence - counted.events as base
    )`
}
