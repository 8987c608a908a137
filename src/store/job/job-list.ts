import { CompiledQuery, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Checkpoint } from '../../durable/checkpoint.ts'
import type { Executor } from '../database.ts'
import { keyset, type Page, type Positioned } from '../paging.ts'
import type { StartedBy } from './tables.ts'

/** A job's last checkpoint, and the slot and account that it is for. */
export interface JobRecord extends Checkpoint {
  readonly id: string
  readonly slotId: string | null
  readonly accountId: string | null
  readonly revision: number
  readonly jobKey: string | null
  readonly startedBy: StartedBy | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A committed transition, read from its event. */
export interface CheckpointRecord {
  readonly jobId: string
  readonly revision: number
  readonly sequence: number
  readonly from: string | null
  readonly to: string
  readonly event: string
  readonly at: Date
}

const allColumns = `job.id, job.slot_id as "slotId", job.account_id as "accountId", job.revision, job.machine, job.version, job.state,
   job.tag, job.context, job.step, job.timers, job.job_key as "jobKey", job.started_by as "startedBy", job.created_at as "createdAt", job.updated_at as "updatedAt"`
const columns = sql.raw(allColumns)

/** The same without what the machine keeps, which is most of a row. */
const summaryOnly = `job.id, job.slot_id as "slotId", job.account_id as "accountId", job.revision, job.machine, job.version, job.state,
   job.tag, '{}'::jsonb as context, null as step, '{}'::jsonb as timers, job.job_key as "jobKey", job.started_by as "startedBy", job.created_at as "createdAt", job.updated_at as "updatedAt"`
const summaryColumns = sql.raw(summaryOnly)

/** `summary`: the rows have an empty context, no step and no timers. Reading a page of them takes a third of the time. */
export type JobColumns = 'all' | 'summary'

export async function findJobs(
  db: Executor,
  organizationId: string,
  ids: readonly string[],
  wanted: JobColumns = 'all',
): Promise<readonly JobRecord[]> {
  const { rows } = await db.executeQuery<JobRecord>(
    CompiledQuery.raw(findStatements[wanted], [organizationId, ids]),
  )
  return rows
}

/** Texts that are written once: building this statement anew would take as long as sending it. */
const findStatements: Readonly<Record<JobColumns, string>> = {
  all: findStatement(allColumns),
  summary: findStatement(summaryOnly),
}

function findStatement(columns: string): string {
  return `select ${columns} from machine_instance job
    where organization_id = $1 and machine = 'job' and id = any($2::uuid[])`
}

/** The last job of each claimed slot. A slot that was changed after its job was cancelled has none. */
export async function findJobsOfSlots(
  db: Executor,
  organizationId: string,
  slotIds: readonly string[],
): Promise<readonly JobRecord[]> {
  const { rows } = await sql<JobRecord>`
    select distinct on (job.slot_id) ${columns} from machine_instance job join slot on slot.id = job.slot_id
     where job.organization_id = ${organizationId} and job.slot_id = any(${slotIds}::uuid[])
       and slot.claimed_at is not null
     order by job.slot_id, job.state = 'cancelled', job.created_at desc`.execute(db)
  return rows
}

/**
 * In a form that the planner knows nothing of: a tag follows from the state, and multiplying both makes it expect so few jobs that it
 * reads the whole table rather than an index in the order of the list.
 */
const hasTag = (tags: readonly string[] | null) => sql`coalesce(job.tag = any(${tags}::text[]), false)`

export interface JobFilter {
  readonly states: readonly string[] | null
  readonly tags: readonly Checkpoint['tag'][] | null
  readonly planId: string | null
  readonly accountId: string | null
  /** States in which no job has one of the tags. They are not looked at: jobs are found by their states. */
  readonly statesOfOtherTags?: readonly string[]
}

/** Newest first. */
export async function listJobs(
  db: Executor,
  organizationId: string,
  { states, tags, planId, accountId, statesOfOtherTags = [] }: JobFilter,
  page: Page,
  wanted: JobColumns = 'all',
): Promise<readonly Positioned<JobRecord>[]> {
  const { position, within, order } = keyset('job', 'created_at', 'desc', page)
  const jobs = (condition: RawBuilder<SqlBool>) => sql`
    select ${wanted === 'all' ? columns : summaryColumns}, ${position} as position from machine_instance job
     where job.organization_id = ${organizationId} and job.machine = 'job' and ${condition}
       and (${tags}::text[] is null or ${hasTag(tags)})
       and ${accountId === null ? sql`true` : sql`job.account_id = ${accountId}`}
       and ${planId === null ? sql`true` : sql`job.slot_id = any(array(select id from slot where slot.plan_id = ${planId}))`}
       and ${within}
     order by ${order} limit ${page.limit}`
  const isOfAll = states === null && tags === null && accountId === null
  // One ordered part of an index for each state: a condition on all of them reads every job to find the newest of a rare state.
  const { rows } = await (isOfAll
    ? sql<Positioned<JobRecord>>`${jobs(sql`true`)}`
    : sql<Positioned<JobRecord>>`
        select found.*
          from (select state from unnest(job_states()) state
                 where (${states}::text[] is null or state = any(${states}::text[]))
                   and state <> all(${statesOfOtherTags}::text[])) sought
         cross join lateral (${jobs(sql`job.state = sought.state`)}) found
         order by ${page.inverted ? sql`"createdAt", id` : sql`"createdAt" desc, id desc`} limit ${page.limit}`
  ).execute(db)
  return rows
}

/** The transitions of a job with `after < revision < before`, ascending unless `inverted`. */
export async function listCheckpoints(
  db: Executor,
  organizationId: string,
  jobId: string,
  range: {
    readonly after: number
    readonly before: number
    readonly limit: number
    readonly inverted: boolean
  },
): Promise<readonly CheckpointRecord[]> {
  const { rows } = await sql<CheckpointRecord>`
    select job_id as "jobId", job_revision as revision, sequence, payload->>'from' as "from",
           payload->>'to' as "to", payload->>'event' as event, at
      from event
     where organization_id = ${organizationId} and job_id = ${jobId}
       and job_revision > ${range.after} and job_revision < ${range.before}
     order by job_revision ${sql.raw(range.inverted ? 'desc' : 'asc')} limit ${range.limit}`.execute(db)
  return rows
}

/** An interval that a job spent in one area of its machine: the first segment of the state's path. */
export interface TimelineRecord {
  readonly area: string
  readonly startedAt: Date
  /** Null for the current area. */
  readonly endedAt: Date | null
  readonly transitions: number
}

/** The intervals of a job by area. Consecutive transitions into the same area are one interval. */
export async function readTimeline(
  db: Executor,
  organizationId: string,
  jobId: string,
): Promise<readonly TimelineRecord[]> {
  const { rows } = await sql<TimelineRecord>`
    with entered as (
      select job_revision, at, split_part(payload->>'to', '.', 1) as area
        from event where organization_id = ${organizationId} and job_id = ${jobId}
    ), marked as (
      select *, area is distinct from lag(area) over (order by job_revision) as is_new from entered
    ), numbered as (
      select *, count(*) filter (where is_new) over (order by job_revision) as interval_number from marked
    )
    select min(area) as area, min(at) as "startedAt", lead(min(at)) over (order by interval_number) as "endedAt",
           count(*)::int as transitions
      from numbered group by interval_number order by interval_number limit 1000`.execute(db)
  return rows
}

/**
 * Locks the jobs of an organization in one state, of one account if it is given, and returns their ids, the oldest first. `also` names
 * other instances that the caller will change; they are locked with them, in the order of `LOCKS.md`.
 */
export async function lockJobsInState(
  tx: Executor,
  organizationId: string,
  state: string,
  {
    limit,
    accountId = null,
    also = [],
  }: { readonly limit: number; readonly accountId?: string | null; readonly also?: readonly string[] },
): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string; chosen: boolean; at: Date }>`
    with chosen as materialized (
      select id from machine_instance
       where organization_id = ${organizationId} and machine = 'job' and state = ${state}
         and (${accountId}::uuid is null or account_id = ${accountId}::uuid)
       order by created_at, id limit ${limit}
    )
    select id, created_at as at, machine = 'job' and state = ${state} as chosen from machine_instance
     where id in (select id from chosen) or id = any(${also}::uuid[])
     order by id for no key update`.execute(tx)
  return rows
    .filter(({ chosen }) => chosen)
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())
    .map(({ id }) => id)
}

/** Whether a job of the organization has a public post of this id. */
export async function isPostKnown(db: Executor, organizationId: string, postId: string): Promise<boolean> {
  const { rows } = await sql<{ known: boolean }>`
    select exists (select from machine_instance where organization_id = ${organizationId} and machine = 'job'
                    and context->'publicPostIds' ? ${postId}) as known`.execute(db)
  return rows[0]?.known ?? false
}
