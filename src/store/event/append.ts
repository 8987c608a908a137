import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { recordChange } from './changes.ts'

/** What happened, to be appended to an organization's sequence. */
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
 * Appends an event and answers its number. Holds the organization's sequence until the commit, so it comes last in
 * a transaction, after every other lock: see `LOCKS.md`.
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
