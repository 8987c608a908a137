import { type RawBuilder, sql } from 'kysely'
import type { Checkpoint } from '../durable/checkpoint.ts'
import type { LeasedJob, LeaseState, Move, MoveResult, Taking } from '../durable/ledger.ts'
import type { Executor } from './database.ts'

interface CheckpointRow {
  readonly machine: string
  readonly version: number
  readonly state: string
  readonly tag: Checkpoint['tag']
  readonly context: Checkpoint['context']
  readonly step: Checkpoint['step']
  readonly timers: Checkpoint['timers']
}

export function checkpointOfRow(row: CheckpointRow): Checkpoint {
  const { machine, version, state, tag, context, step, timers } = row
  return { machine, version, state, tag, context, step, timers }
}

const checkpointColumns = sql.raw('machine, version, state, tag, context, step, timers')

interface LeasedRow extends CheckpointRow {
  readonly id: string
  readonly organization_id: string
  readonly revision: number
  readonly lease_epoch: number
  readonly tries: number
}

function leasedJobOfRow(row: LeasedRow): LeasedJob {
  return {
    jobId: row.id,
    organizationId: row.organization_id,
    revision: row.revision,
    checkpoint: checkpointOfRow(row),
    epoch: row.lease_epoch,
    tries: row.tries,
  }
}

/** Epoch milliseconds of the database's clock, as a column. */
export const databaseNow: RawBuilder<number> = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::float8`

/** Takes the lease if nobody holds a live one; raises the epoch, which fences off whoever held it before. */
export async function takeLease(
  db: Executor,
  jobId: string,
  owner: string,
  leaseSeconds: number,
): Promise<{ readonly taking: Taking; readonly now: number }> {
  const { rows } = await sql<LeasedRow & { now: number; taken: boolean }>`
    with taken as (
      update job
         set lease_epoch = lease_epoch + 1, lease_owner = ${owner}, tries = tries + 1,
             lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
       where id = ${jobId} and (lease_until is null or lease_until < clock_timestamp())
      returning id, organization_id, revision, lease_epoch, tries, ${checkpointColumns}
    )
    select *, true as taken, ${databaseNow} as now from taken
    union all
    select id, organization_id, revision, lease_epoch, tries, ${checkpointColumns}, false, ${databaseNow}
      from job where id = ${jobId} and not exists (select from taken)`.execute(db)
  const [row] = rows
  if (!row) return { taking: { kind: 'missing' }, now: Number.NEGATIVE_INFINITY }
  const taking: Taking = row.taken ? { kind: 'taken', job: leasedJobOfRow(row) } : { kind: 'held' }
  return { taking, now: row.now }
}

export async function reloadLeased(db: Executor, jobId: string, epoch: number): Promise<LeasedJob | null> {
  const { rows } = await sql<LeasedRow>`
    select id, organization_id, revision, lease_epoch, tries, ${checkpointColumns}
      from job where id = ${jobId} and lease_epoch = ${epoch} and lease_owner is not null`.execute(db)
  return rows[0] ? leasedJobOfRow(rows[0]) : null
}

/** Lets go only if nothing was committed since `revision`: otherwise there may be work that nobody would wake for. */
export async function releaseLease(
  db: Executor,
  jobId: string,
  epoch: number,
  revision: number,
  untried = false,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update job set lease_owner = null, lease_until = null, tries = tries - ${untried ? 1 : 0}
     where id = ${jobId} and lease_epoch = ${epoch} and revision = ${revision}`.execute(db)
  return numAffectedRows === 1n
}

export async function renewLeases(
  db: Executor,
  leases: readonly { readonly jobId: string; readonly epoch: number }[],
  leaseSeconds: number,
): Promise<{ readonly states: readonly LeaseState[]; readonly now: number }> {
  const asked = leases.map(({ jobId, epoch }) => ({ job_id: jobId, epoch }))
  const { rows } = await sql<LeaseState & { now: number }>`
    update job set lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
      from json_to_recordset(${JSON.stringify(asked)}::json) as asked (job_id uuid, epoch bigint)
     where job.id = asked.job_id and job.lease_epoch = asked.epoch and job.lease_owner is not null
    returning job.id as "jobId", job.lease_epoch as epoch, job.revision, job.step->>'key' as "stepKey",
              ${databaseNow} as now`.execute(db)
  return { states: rows, now: rows[0]?.now ?? Number.NEGATIVE_INFINITY }
}

/**
 * Commits transitions of many jobs in one statement: compare-and-set on each row, the organizations' event
 * sequences, and one event each. A job that somebody else moved first, or that this epoch no longer holds, is
 * left as it is and answered `lost`; the others are committed. Rows are locked in one order (jobs, then heads by
 * organization), the same that commands keep.
 */
export async function commitMoves(
  db: Executor,
  moves: readonly Move[],
): Promise<{ readonly results: readonly MoveResult[]; readonly now: number }> {
  const input = moves.map((move, index) => ({
    index,
    job_id: move.jobId,
    expected: move.expectedRevision,
    epoch: move.epoch,
    from: move.from,
    event: move.event,
    wake_at: move.wakeAt === null ? null : new Date(move.wakeAt).toISOString(),
    release: move.release,
    version: move.next.version,
    state: move.next.state,
    tag: move.next.tag,
    context: move.next.context,
    step: move.next.step,
    timers: move.next.timers,
  }))
  const { rows } = await sql<{ index: number; revision: number; sequence: number; now: number }>`
    with input as materialized (
      select * from json_to_recordset(${JSON.stringify(input)}::json) as x (
        index int, job_id uuid, expected bigint, epoch bigint, "from" text, event text, wake_at timestamptz,
        release boolean, version int, state text, tag text, context jsonb, step jsonb, timers jsonb)
    ), moved as (
      update job
         set version = input.version, state = input.state, tag = input.tag, context = input.context,
             step = input.step, timers = input.timers, revision = job.revision + 1, wake_at = input.wake_at,
             updated_at = clock_timestamp(),
             -- Nobody has taken a step up that a command has just put into a job that nobody holds.
             tries = case when input.release then 0
                          when input.epoch is not null then 1
                          when job.step->>'key' is not distinct from input.step->>'key' then job.tries
                          when job.lease_owner is null then 0 else 1 end,
             lease_owner = case when input.release then null else job.lease_owner end,
             lease_until = case when input.release then null else job.lease_until end
        from input
       where job.id = input.job_id and job.revision = input.expected
         and (input.epoch is null or (job.lease_epoch = input.epoch and job.lease_owner is not null))
      returning input.index, job.id, job.machine, job.organization_id, job.slot_id, job.account_id, job.revision,
                input."from", input.event, job.state, job.tag, job.context->'progress' as progress
    ), counted as (
      select organization_id, count(*) as events from moved group by organization_id
    ), locked as materialized (
      select organization_id from event_head
       where organization_id in (select organization_id from counted)
       order by organization_id for update
    ), heads as (
      update event_head set sequence = event_head.sequence + counted.events
        from counted join locked using (organization_id)
       where event_head.organization_id = counted.organization_id
      returning event_head.organization_id, event_head.sequence - counted.events as base
    ), appended as (
      insert into event (organization_id, sequence, type, job_id, job_revision, slot_id, account_id, payload)
      select moved.organization_id,
             heads.base + row_number() over (partition by moved.organization_id order by moved.index),
             moved.machine || '.moved', moved.id, moved.revision, moved.slot_id, moved.account_id,
             jsonb_build_object('from', moved."from", 'to', moved.state, 'event', moved.event, 'tag', moved.tag,
                                'progress', moved.progress)
        from moved join heads using (organization_id)
      returning job_id, job_revision, sequence
    )
    select moved.index, moved.revision, appended.sequence, ${databaseNow} as now
      from moved join appended on appended.job_id = moved.id and appended.job_revision = moved.revision`.execute(
    db,
  )
  const committed = new Map(rows.map((row) => [row.index, row]))
  const results = moves.map((_move, index): MoveResult => {
    const row = committed.get(index)
    return row ? { kind: 'committed', revision: row.revision, sequence: row.sequence } : { kind: 'lost' }
  })
  return { results, now: rows[0]?.now ?? Number.NEGATIVE_INFINITY }
}

export interface NewJob {
  readonly id: string
  readonly organizationId: string
  readonly slotId: string | null
  readonly accountId: string | null
  readonly checkpoint: Checkpoint
  /** Epoch milliseconds. */
  readonly wakeAt: number | null
  /** The caller's own name for its work. */
  readonly jobKey?: string | null
}

/** Inserts a job at its first checkpoint; false if its slot or its key has one already, and then nothing is changed. */
export async function insertJob(db: Executor, job: NewJob): Promise<boolean> {
  const { checkpoint } = job
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('job')
    .values({
      id: job.id,
      organization_id: job.organizationId,
      slot_id: job.slotId,
      account_id: job.accountId,
      machine: checkpoint.machine,
      version: checkpoint.version,
      state: checkpoint.state,
      tag: checkpoint.tag,
      context: JSON.stringify(checkpoint.context),
      step: checkpoint.step ? JSON.stringify(checkpoint.step) : null,
      timers: JSON.stringify(checkpoint.timers),
      revision: 1,
      wake_at: job.wakeAt === null ? null : new Date(job.wakeAt).toISOString(),
      job_key: job.jobKey ?? null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}

/** The unfinished job that has a key; null if there is none. The condition is that of the index `job_of_key`. */
export async function findUnfinishedJob(
  db: Executor,
  organizationId: string,
  jobKey: string,
): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select id from job
     where organization_id = ${organizationId} and job_key = ${jobKey}
       and tag <> 'final' and state not in ('published', 'delivered', 'takenDown')`.execute(db)
  return rows[0]?.id ?? null
}

/** A machine's row for a command that will move it, locked until the end of the transaction. */
export async function lockJob(
  db: Executor,
  jobId: string,
): Promise<{
  readonly organizationId: string
  readonly slotId: string | null
  readonly accountId: string | null
  readonly revision: number
  readonly checkpoint: Checkpoint
} | null> {
  const { rows } = await sql<LockedRow>`
    select organization_id, slot_id, account_id, revision, ${checkpointColumns}
      from job where id = ${jobId} for update`.execute(db)
  const [row] = rows
  if (!row) return null
  const { organization_id: organizationId, slot_id: slotId, account_id: accountId, revision } = row
  return { organizationId, slotId, accountId, revision, checkpoint: checkpointOfRow(row) }
}

interface LockedRow extends CheckpointRow {
  readonly organization_id: string
  readonly slot_id: string | null
  readonly account_id: string | null
  readonly revision: number
}

export interface OverdueJob {
  readonly jobId: string
  readonly organizationId: string
  readonly revision: number
  readonly overdueSeconds: number
}

/**
 * Jobs that should have been looked at a while ago, that nobody holds: whoever was to wake them has not. Those that lie in a
 * dead letter are left there: who opens it wakes them.
 */
export async function findOverdueJobs(db: Executor, graceSeconds: number): Promise<readonly OverdueJob[]> {
  const { rows } = await sql<OverdueJob>`
    select id as "jobId", organization_id as "organizationId", revision,
           extract(epoch from clock_timestamp() - wake_at)::float8 as "overdueSeconds"
      from job
     where wake_at < clock_timestamp() - make_interval(secs => ${graceSeconds})
       and (lease_until is null or lease_until < clock_timestamp())
       and not exists (select from dead_letter as letter
                        where letter.job_id = job.id and letter.job_revision = job.revision
                          and letter.redriven_at is null)
     order by wake_at limit 1000`.execute(db)
  return rows
}

/** The database's time in epoch milliseconds: what every decision is stamped with. */
export async function readDatabaseTime(db: Executor): Promise<number> {
  const { rows } = await sql<{ now: number }>`select ${databaseNow} as now`.execute(db)
  return Math.floor(rows[0]?.now ?? Number.NaN)
}
