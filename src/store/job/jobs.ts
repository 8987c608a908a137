import { type RawBuilder, sql } from 'kysely'
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
  const { rows } = await sql<{ inserted: number }>`
    with ${instancesOf([instance])} select count(*)::int as inserted from inserted`.execute(db)
  return rows[0]?.inserted === 1
}

/**
 * Common table expressions that insert instances at their first checkpoint. `inserted` has a row for each, except for those whose slot or
 * key already has a job that is not cancelled.
 */
export function instancesOf(instances: readonly NewInstance[]): RawBuilder<unknown> {
  const input = instances.map(({ checkpoint, wakeAt, ...instance }) => ({
    id: instance.id,
    organization_id: instance.organizationId,
    slot_id: instance.slotId,
    account_id: instance.accountId,
    machine: checkpoint.machine,
    version: checkpoint.version,
    state: checkpoint.state,
    tag: checkpoint.tag,
    context: checkpoint.context,
    step: checkpoint.step,
    timers: checkpoint.timers,
    wake_at: wakeAt === null ? null : new Date(wakeAt).toISOString(),
    job_key: instance.jobKey,
    started_by: instance.startedBy,
  }))
  const columns =
    sql.raw(`id, organization_id, slot_id, account_id, machine, version, state, tag, context, step, timers,
             wake_at, job_key, started_by`)
  return sql`inserted as (
      insert into ${sql.table('machine_instance')} (${columns}, revision)
      select ${columns}, 1
        from jsonb_to_recordset(${JSON.stringify(input)}::jsonb) as x (
             id uuid, organization_id uuid, slot_id uuid, account_id uuid, machine text, version int, state text, tag text,
             context jsonb, step jsonb, timers jsonb, wake_at timestamptz, job_key text, started_by text)
      on conflict do nothing
      returning id
    )`
}

/** How many jobs each of some slots has. Slots without a job are missing. */
export async function countJobsOfSlots(
  db: Executor,
  slotIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ slotId: string; jobs: number }>`
    select slot_id as "slotId", count(*)::int as jobs from machine_instance
     where slot_id = any(${slotIds}::uuid[]) group by slot_id`.execute(db)
  return new Map(rows.map(({ slotId, jobs }) => [slotId, jobs]))
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
  // `clock_timestamp()` is volatile: it would be compared with every unfinished instance instead of with the index on `wake_at`.
  const { rows } = await sql<OverdueInstance>`
    select id as "jobId", organization_id as "organizationId", revision,
           extract(epoch from statement_timestamp() - wake_at)::float8 as "overdueSeconds"
      from machine_instance instance
     where wake_at < statement_timestamp() - make_interval(secs => ${graceSeconds})
       and (lease_until is null or lease_until < statement_timestamp())
       and not exists (select from dead_letter
                        where dead_letter.instance_id = instance.id and dead_letter.revision = instance.revision
                          and redriven_at is null)
     order by wake_at limit 1000`.execute(db)
  return rows
}
