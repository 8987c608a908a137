import { sql } from 'kysely'
import type { Executor } from '../database.ts'

export interface EventRecord {
  readonly sequence: number
  readonly type: string
  readonly planId: string | null
  readonly slotId: string | null
  readonly accountId: string | null
  readonly jobId: string | null
  readonly jobRevision: number | null
  readonly payload: { readonly [key: string]: unknown }
  readonly at: Date
}

/** Selects events of an organization. A plan's events include those of its slots' jobs. */
export type EventFilter =
  | { readonly kind: 'all' }
  | { readonly kind: 'job'; readonly jobId: string }
  | { readonly kind: 'plan'; readonly planId: string }
  | { readonly kind: 'family'; readonly prefix: string }

const columns = sql.raw(
  `sequence, type, plan_id as "planId", slot_id as "slotId", account_id as "accountId", job_id as "jobId",
   job_revision as "jobRevision", payload, at`,
)

/** The number of an organization's last committed event. Every event up to it can be read. */
export async function readHead(db: Executor, organizationId: string): Promise<number> {
  const { rows } = await sql<{ sequence: number }>`
    select sequence from event_head where organization_id = ${organizationId}`.execute(db)
  return rows[0]?.sequence ?? 0
}

/** Events with `after < sequence <= until`, in order. */
export async function readEvents(
  db: Executor,
  organizationId: string,
  filter: EventFilter,
  range: { readonly after: number; readonly until: number; readonly limit: number },
): Promise<readonly EventRecord[]> {
  const { rows } = await sql<EventRecord>`
    select ${columns} from event
     where organization_id = ${organizationId} and sequence > ${range.after} and sequence <= ${range.until}
       and ${conditionOf(filter)}
     order by sequence limit ${range.limit}`.execute(db)
  return rows
}

/** A page of events with `after < sequence < before`, ascending unless `inverted`. */
export async function listEvents(
  db: Executor,
  organizationId: string,
  range: {
    readonly after: number
    readonly before: number
    readonly limit: number
    readonly inverted: boolean
  },
): Promise<readonly EventRecord[]> {
  const { rows } = await sql<EventRecord>`
    select ${columns} from event
     where organization_id = ${organizationId} and sequence > ${range.after} and sequence < ${range.before}
     order by sequence ${sql.raw(range.inverted ? 'desc' : 'asc')} limit ${range.limit}`.execute(db)
  return rows
}

function conditionOf(filter: EventFilter) {
  switch (filter.kind) {
    case 'all':
      return sql`true`
    case 'job':
      return sql`job_id = ${filter.jobId}`
    case 'plan':
      return sql`(plan_id = ${filter.planId}
                  or slot_id in (select id from slot where slot.plan_id = ${filter.planId}))`
    case 'family':
      return sql`type like ${`${filter.prefix}%`}`
  }
}

/** The plan of a slot, which never changes; undefined if the slot was deleted. */
export async function findPlanOfSlot(
  db: Executor,
  organizationId: string,
  slotId: string,
): Promise<string | undefined> {
  const { rows } = await sql<{ planId: string }>`
    select plan_id as "planId" from slot where organization_id = ${organizationId} and id = ${slotId}`.execute(
    db,
  )
  return rows[0]?.planId
}
