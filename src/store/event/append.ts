import { type RawBuilder, sql } from 'kysely'
import type { Executor } from '../database.ts'
import { recordChange } from './changes.ts'

/** An event to append to an organization's sequence. */
export interface NewEvent {
  readonly organizationId: string
  readonly type: string
  readonly planId?: string
  readonly slotId?: string
  readonly accountId?: string
  readonly jobId?: string
  readonly jobRevision?: number
  readonly payload?: object
}

/**
 * Appends an event and returns its sequence number. Locks the organization's sequence until the commit, so call it last in a
 * transaction, after every other lock: see `LOCKS.md`.
 */
export async function appendEvent(db: Executor, event: NewEvent): Promise<number> {
  const { rows } = await sql<{ sequence: number }>`
    with head as (
      update event_head set sequence = sequence + 1 where organization_id = ${event.organizationId} returning sequence
    )
    insert into event (organization_id, sequence, type, plan_id, slot_id, account_id, job_id, job_revision, payload)
    select ${event.organizationId}::uuid, sequence, ${event.type}, ${event.planId ?? null}::uuid,
           ${event.slotId ?? null}::uuid, ${event.accountId ?? null}::uuid, ${event.jobId ?? null}::uuid,
           ${event.jobRevision ?? null}::bigint, ${JSON.stringify(event.payload ?? {})}::jsonb
      from head
    returning sequence`.execute(db)
  const [row] = rows
  if (!row) throw new Error(`organization ${event.organizationId} has no event sequence`)
  recordChange(db, event.organizationId)
  return row.sequence
}

/**
 * Common table expressions that advance the event sequences of organizations by the number of rows of each in `rows`, a common table
 * expression before them. `heads (organization_id, base)` then has the number before the first new event.
 *
 * Sequences are locked until the commit, in the order of their organizations. A transaction that needs several takes all of them here,
 * as its last locks.
 */
export function sequencesFor(rows: 'updated' | 'notified'): RawBuilder<unknown> {
  return sql`counted as (
      select organization_id, count(*) as events from ${sql.table(rows)} group by organization_id
    ), locked_heads as materialized (
      select organization_id from event_head
       where organization_id in (select organization_id from counted)
       order by organization_id for update
    ), heads as (
      update event_head set sequence = event_head.sequence + counted.events
        from counted join locked_heads using (organization_id)
       where event_head.organization_id = counted.organization_id
      returning event_head.organization_id, event_head.sequence - counted.events as base
    )`
}
