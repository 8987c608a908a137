import { type RawBuilder, sql } from 'kysely'
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

/** An event with what decides who receives it. */
export interface RoutedEvent extends EventRecord {
  /** The plan of the event, or else of its slot. */
  readonly planOfSlot: string | null
}

/** Selects events of an organization. A plan's events include those of its slots' jobs; an account's do not include jobs'. */
export type EventFilter =
  | { readonly kind: 'all' }
  | { readonly kind: 'job'; readonly jobId: string }
  | { readonly kind: 'plan'; readonly planId: string }
  | { readonly kind: 'account'; readonly accountId: string }
  /** By the part of the type before the dot; not for jobs. */
  | { readonly kind: 'family'; readonly family: string }

const columns = sql.raw(
  `sequence, type, plan_id as "planId", slot_id as "slotId", account_id as "accountId", job_id as "jobId",
   job_revision as "jobRevision", payload, at`,
)

/** Events after a cursor were deleted: whoever continued from there would miss them. */
export class EventsDeleted extends Error {
  override readonly name = 'EventsDeleted'
  /** The last deleted event. */
  readonly through: number

  constructor(after: number, through: number) {
    super(`the events after ${after} up to ${through} were deleted`)
    this.through = through
  }
}

/** The number of an organization's last committed event. Every event up to it can be read, unless it was deleted. */
export async function readHead(db: Executor, organizationId: string): Promise<number> {
  const { rows } = await sql<{ sequence: number }>`
    select sequence from event_head where organization_id = ${organizationId}`.execute(db)
  return rows[0]?.sequence ?? 0
}

/** The events after a sequence, in order, as they are routed to subscribers. */
export async function readNewEvents(
  db: Executor,
  organizationId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly RoutedEvent[]> {
  const { rows } = await sql<RoutedEvent>`
    select ${columns},
           coalesce(plan_id, (select slot.plan_id from slot where slot.id = event.slot_id)) as "planOfSlot"
      from event
     where organization_id = ${organizationId} and sequence > ${after}
     order by sequence limit ${limit}`.execute(db)
  return rows
}

/** Events with `after < sequence <= until`, in order; after 0, from the first that is kept. Throws `EventsDeleted`. */
export async function readEvents(
  db: Executor,
  organizationId: string,
  filter: EventFilter,
  range: { readonly after: number; readonly until: number; readonly limit: number },
): Promise<readonly EventRecord[]> {
  // Each part has an index of its own. One condition for all of them would read every event of the organization.
  const parts = conditionsOf(filter).map(
    (condition) => sql`
      (select ${columns} from event
        where organization_id = ${organizationId} and sequence > greatest(${range.after}, head.deleted_through)
          and sequence <= ${range.until} and ${condition}
        order by sequence limit ${range.limit})`,
  )
  return await readKept(db, organizationId, range, sql.join(parts, sql` union all `), 'asc')
}

/** A page of events with `after < sequence < before`, ascending unless `inverted`. Throws `EventsDeleted`. */
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
  const order = range.inverted ? 'desc' : 'asc'
  const page = sql`
    select ${columns} from event
     where organization_id = ${organizationId} and sequence > greatest(${range.after}, head.deleted_through)
       and sequence < ${range.before}
     order by sequence ${sql.raw(order)} limit ${range.limit}`
  return await readKept(db, organizationId, range, page, order)
}

/**
 * Runs a query of events beside the row `head` of their organization. Both are read in one snapshot: events that are missing there were
 * marked as deleted before.
 */
async function readKept(
  db: Executor,
  organizationId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
  query: RawBuilder<unknown>,
  order: 'asc' | 'desc',
): Promise<readonly EventRecord[]> {
  const { rows } = await sql<{ deletedThrough: number } & (EventRecord | { sequence: null })>`
    select head.deleted_through as "deletedThrough", found.*
      from event_head head left join lateral (${query}) found on true
     where head.organization_id = ${organizationId}
     order by sequence ${sql.raw(order)} limit ${limit}`.execute(db)
  const deletedThrough = rows[0]?.deletedThrough ?? 0
  if (after > 0 && after < deletedThrough) throw new EventsDeleted(after, deletedThrough)
  return rows.flatMap(({ deletedThrough: _, ...event }) => (event.sequence === null ? [] : [event]))
}

/** Conditions that no event satisfies two of. */
function conditionsOf(filter: EventFilter): readonly RawBuilder<unknown>[] {
  switch (filter.kind) {
    case 'all':
      return [sql`true`]
    case 'job':
      return [sql`job_id = ${filter.jobId}`]
    case 'plan': {
      const slots = sql`array(select id from slot where slot.plan_id = ${filter.planId})`
      return [sql`plan_id = ${filter.planId}`, sql`plan_id is null and slot_id = any(${slots})`]
    }
    case 'account':
      return [sql`account_id = ${filter.accountId} and family = 'account'`]
    case 'family':
      return [sql`family = ${filter.family} and family <> 'job'`]
  }
}
