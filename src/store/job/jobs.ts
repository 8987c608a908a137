import { sql } from 'kysely'
import type { Checkpoint } from '../../durable/checkpoint.ts'
import type { Executor } from '../database.ts'
import { type CheckpointRow, checkpointColumns, checkpointOfRow } from './checkpoint-row.ts'
import type { StartedBy } from './tables.ts'

export interface NewInstance {
  readonly id: string
  readonly organizationId: string
  readonly slotId: string | null
  readonly accountId: string | null
  readonly checkpoint: Checkpoint
  /** Epoch milliseconds. */
  readonly wakeAt: number | null
  /** The client's own name for the work. */
  readonly jobKey?: string | null
  readonly startedBy?: StartedBy
}

/** Inserts an instance at its first checkpoint. False, and nothing is changed, if its slot or its key already has a job that is not cancelled. */
export async function insertInstance(db: Executor, instance: NewInstance): Promise<boolean> {
  const { checkpoint } = instance
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('machine_instance')
    .values({
      id: instance.id,
      organization_id: instance.organizationId,
      slot_id: instance.slotId,
      account_id: instance.accountId,
      machine: checkpoint.machine,
      version: checkpoint.version,
      state: checkpoint.state,
      tag: checkpoint.tag,
      context: JSON.stringify(checkpoint.context),
      step: checkpoint.step ? JSON.stringify(checkpoint.step) : null,
      timers: JSON.stringify(checkpoint.timers),
      revision: 1,
      wake_at: instance.wakeAt === null ? null : new Date(instance.wakeAt).toISOString(),
      job_key: instance.jobKey ?? null,
      started_by: instance.startedBy ?? null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}

/** The job of a slot, unless it was cancelled; null if there is none. */
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

/** The unfinished job with a key; null if there is none. The condition is that of the index `machine_instance_job_key`. */
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

/** Locks a machine instance for a command that will change it, until the end of the transaction. */
export async function lockInstance(
  db: Executor,
  instanceId: string,
): Promise<{
  readonly organizationId: string
  readonly slotId: string | null
  readonly accountId: string | null
  readonly revision: number
  readonly checkpoint: Checkpoint
} | null> {
  const { rows } = await sql<LockedRow>`
    select organization_id, slot_id, account_id, revision, ${checkpointColumns}
      from machine_instance where id = ${instanceId} for no key update`.execute(db)
  const [row] = rows
  if (!row) return null
  const { organization_id: organizationId, slot_id: slotId, account_id: accountId, revision } = row
  return { organizationId, slotId, accountId, revision, checkpoint: checkpointOfRow(row) }
}

/** Locks the machine instances that a command will change, all of them before it changes the first: see `LOCKS.md`. */
export async function lockInstances(db: Executor, instanceIds: readonly string[]): Promise<void> {
  await sql`select from machine_instance where id = any(${instanceIds}::uuid[]) order by id for no key update`.execute(
    db,
  )
}

interface LockedRow extends CheckpointRow {
  readonly organization_id: string
  readonly slot_id: string | null
  readonly account_id: string | null
  readonly revision: number
}

export interface OverdueInstance {
  readonly jobId: string
  readonly organizationId: string
  readonly revision: number
  readonly overdueSeconds: number
}

/** Machine instances that are overdue and not leased: their wake-up was lost. Those with an open dead letter are excluded; a redrive wakes them. */
export async function findOverdueInstances(
  db: Executor,
  graceSeconds: number,
): Promise<readonly OverdueInstance[]> {
  const { rows } = await sql<OverdueInstance>`
    select id as "jobId", organization_id as "organizationId", revision,
           extract(epoch from clock_timestamp() - wake_at)::float8 as "overdueSeconds"
      from machine_instance instance
     where wake_at < clock_timestamp() - make_interval(secs => ${graceSeconds})
       and (lease_until is null or lease_until < clock_timestamp())
       and not exists (select from dead_letter
                        where dead_letter.instance_id = instance.id and dead_letter.revision = instance.revision
                          and redriven_at is null)
     order by wake_at limit 1000`.execute(db)
  return rows
}
