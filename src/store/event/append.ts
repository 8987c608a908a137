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

/** Appends events of one organization in one statement. Call it last, as `appendEvent`. */
export async function appendEvents(
  db: Executor,
  organizationId: string,
  events: readonly NewEvent[],
): Promise<void> {
  if (events.length === 0) return
  const { rows } = await sql<{ appended: number }>`
    with ${eventsOf(organizationId, events)} select count(*)::int as appended from appended`.execute(db)
  recordAppended(db, organizationId, rows[0]?.appended === events.length)
}

/** Common table expressions that append events of one organization in the order given. `appended` has a row for each of them. */
export function eventsOf(organizationId: string, events: readonly NewEvent[]): RawBuilder<unknown> {
  const input = events.map((event, index) => ({
    number: index + 1,
    type: event.type,
    plan_id: event.planId,
    slot_id: event.slotId,
    account_id: event.accountId,
    job_id: event.jobId,
    job_revision: event.jobRevision,
    payload: event.payload ?? {},
  }))
  return sql`head as (
      update event_head set sequence = sequence + ${events.length}::int where organization_id = ${organizationId}
      returning sequence - ${events.length}::int as base
    ), appended as (
      insert into event (organization_id, sequence, type, plan_id, slot_id, account_id, job_id, job_revision, payload)
      select ${organizationId}::uuid, base + number, type, plan_id, slot_id, account_id, job_id, job_revision, payload
        from head cross join jsonb_to_recordset(${JSON.stringify(input)}::jsonb)
             as x (number int, type text, plan_id uuid, slot_id uuid, account_id uuid, job_id uuid, job_revision bigint,
                   payload jsonb)
      returning sequence
    )`
}

/** Records that an organization's events changed. Throws if they could not be appended. */
export function recordAppended(db: Executor, organizationId: string, isAppended: boolean): void {
  if (!isAppended) throw new Error(`organization ${organizationId} has no event sequence`)
  recordChange(db, organizationId)
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
