import { sql } from 'kysely'
import type { LeasedInstance, LeaseResult, LeaseState } from '../../durable/instance-store.ts'
import type { Executor } from '../database.ts'
import { databaseNow } from '../database-time.ts'
import { type CheckpointRow, checkpointColumns, checkpointOfRow } from './checkpoint-row.ts'

interface LeasedRow extends CheckpointRow {
  readonly id: string
  readonly organization_id: string
  readonly revision: number
  readonly lease_epoch: number
  readonly tries: number
}

function leasedJobOfRow(row: LeasedRow): LeasedInstance {
  return {
    jobId: row.id,
    organizationId: row.organization_id,
    revision: row.revision,
    checkpoint: checkpointOfRow(row),
    epoch: row.lease_epoch,
    leaseAttempts: row.tries,
  }
}

/** Takes the lease if nobody holds a live one; raises the epoch, which fences off whoever held it before. */
export async function acquireLease(
  db: Executor,
  jobId: string,
  owner: string,
  leaseSeconds: number,
): Promise<{ readonly lease: LeaseResult; readonly now: number }> {
  const { rows } = await sql<LeasedRow & { now: number; taken: boolean }>`
    with taken as (
      update machine_instance
         set lease_epoch = lease_epoch + 1, lease_owner = ${owner}, tries = tries + 1,
             lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
       where id = ${jobId} and (lease_until is null or lease_until < clock_timestamp())
      returning id, organization_id, revision, lease_epoch, tries, ${checkpointColumns}
    )
    select *, true as taken, ${databaseNow} as now from taken
    union all
    select id, organization_id, revision, lease_epoch, tries, ${checkpointColumns}, false, ${databaseNow}
      from machine_instance where id = ${jobId} and not exists (select from taken)`.execute(db)
  const [row] = rows
  if (!row) return { lease: { kind: 'missing' }, now: Number.NEGATIVE_INFINITY }
  const lease: LeaseResult = row.taken
    ? { kind: 'acquired', instance: leasedJobOfRow(row) }
    : { kind: 'leasedElsewhere' }
  return { lease, now: row.now }
}

export async function reloadLeased(
  db: Executor,
  jobId: string,
  epoch: number,
): Promise<LeasedInstance | null> {
  const { rows } = await sql<LeasedRow>`
    select id, organization_id, revision, lease_epoch, tries, ${checkpointColumns}
      from machine_instance where id = ${jobId} and lease_epoch = ${epoch} and lease_owner is not null`.execute(
    db,
  )
  return rows[0] ? leasedJobOfRow(rows[0]) : null
}

/** Lets go only if nothing was committed since `revision`: otherwise there may be work that nobody would wake for. */
export async function releaseLease(
  db: Executor,
  jobId: string,
  epoch: number,
  revision: number,
  isUnattempted = false,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update machine_instance set lease_owner = null, lease_until = null, tries = tries - ${isUnattempted ? 1 : 0}
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
    with asked as materialized (
      select * from json_to_recordset(${JSON.stringify(asked)}::json) as x (job_id uuid, epoch bigint)
    ), held as materialized (
      select id from machine_instance job where id in (select job_id from asked) order by id for no key update
    )
    update machine_instance job set lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
      from asked join held on held.id = asked.job_id
     where job.id = held.id and job.lease_epoch = asked.epoch and job.lease_owner is not null
    returning job.id as "jobId", job.lease_epoch as epoch, job.revision, job.step->>'key' as "stepKey",
              ${databaseNow} as now`.execute(db)
  return { states: rows, now: rows[0]?.now ?? Number.NEGATIVE_INFINITY }
}
