import { sql } from 'kysely'
import type { Checkpoint } from '../../durable/checkpoint.ts'
import type { Executor } from '../database.ts'
import type { StartedBy } from '../tables.ts'
import { type CheckpointRow, checkpointColumns, checkpointOfRow } from './checkpoint-row.ts'

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
  readonly startedBy?: StartedBy
}

/** Inserts a job at its first checkpoint; false if its slot or its key has one already that is not cancelled, and then nothing is changed. */
export async function insertJob(db: Executor, job: NewJob): Promise<boolean> {
  const { checkpoint } = job
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('machine_instance')
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
      started_by: job.startedBy ?? null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}

/** The job of a slot that works by it or has ended otherwise than cancelled; null if there is none. */
export async function findJobOfSlot(db: Executor, slotId: string): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select id from machine_instance where slot_id = ${slotId} and state <> 'cancelled'`.execute(db)
  return rows[0]?.id ?? null
}

export async function countJobsOfSlot(db: Executor, slotId: string): Promise<number> {
  const { rows } = await sql<{ jobs: number }>`
    select count(*)::int as jobs from machine_instance where slot_id = ${slotId}`.execute(db)
  return rows[0]?.jobs ?? 0
}

/** The unfinished job that has a key; null if there is none. The condition is that of the index `machine_instance_job_key`. */
export async function findUnfinishedJob(
  db: Executor,
  organizationId: string,
  jobKey: string,
): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select id from machine_instance
     where organization_id = ${organizationId} and job_key = ${jobKey}
       and tag not in ('settled', 'final')`.execute(db)
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
      from machine_instance where id = ${jobId} for no key update`.execute(db)
  const [row] = rows
  if (!row) return null
  const { organization_id: organizationId, slot_id: slotId, account_id: accountId, revision } = row
  return { organizationId, slotId, accountId, revision, checkpoint: checkpointOfRow(row) }
}

/** Locks machines that a command will move, all of them before it moves the first: see `LOCKS.md`. */
export async function lockJobs(db: Executor, jobIds: readonly string[]): Promise<void> {
  await sql`select from machine_instance where id = any(${jobIds}::uuid[]) order by id for no key update`.execute(
    db,
  )
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
      from machine_instance job
     where wake_at < clock_timestamp() - make_interval(secs => ${graceSeconds})
       and (lease_until is null or lease_until < clock_timestamp())
       and not exists (select from dead_letter as letter
                        where letter.job_id = job.id and letter.job_revision = job.revision
                          and letter.redriven_at is null)
     order by wake_at limit 1000`.execute(db)
  return rows
}
