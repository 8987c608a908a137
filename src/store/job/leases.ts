import { sql } from 'kysely'
import type { LeasedInstance, LeaseResult, LeaseState } from '../../durable/instance-store.ts'
import { databaseNow, type Executor } from '../database.ts'
import { type CheckpointRow, checkpointColumns, checkpointOfRow } from './checkpoint-row.ts'

interface LeasedRow extends CheckpointRow {
  readonly id: string
  readonly organization_id: string
  readonly revision: number
  readonly lease_epoch: number
  readonly lease_attempts: number
}

function leasedInstanceOf(row: LeasedRow): LeasedInstance {
  return {
    jobId: row.id,
    organizationId: row.organization_id,
    revision: row.revision,
    checkpoint: checkpointOfRow(row),
    epoch: row.lease_epoch,
    leaseAttempts: row.lease_attempts,
  }
}

/** Acquires the lease of an instance, unless another worker holds it. Raises the epoch, which fences off the previous holder. */
export async function acquireLease(
  db: Executor,
  jobId: string,
  owner: string,
  leaseSeconds: number,
): Promise<{ readonly lease: LeaseResult; readonly now: number }> {
  const { rows } = await sql<LeasedRow & { now: number; isAcquired: boolean }>`
    with acquired as (
      update machine_instance
         set lease_epoch = lease_epoch + 1, lease_owner = ${owner}, lease_attempts = lease_attempts + 1,
             lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
       where id = ${jobId} and (lease_until is null or lease_until < clock_timestamp())
      returning id, organization_id, revision, lease_epoch, lease_attempts, ${checkpointColumns}
    )
    select *, true as "isAcquired", ${databaseNow} as now from acquired
    union all
    select id, organization_id, revision, lease_epoch, lease_attempts, ${checkpointColumns}, false, ${databaseNow}
      from machine_instance where id = ${jobId} and not exists (select from acquired)`.execute(db)
  const [row] = rows
  if (!row) return { lease: { kind: 'missing' }, now: Number.NEGATIVE_INFINITY }
  const lease: LeaseResult = row.isAcquired
    ? { kind: 'acquired', instance: leasedInstanceOf(row) }
    : { kind: 'leasedElsewhere' }
  return { lease, now: row.now }
}

export async function reloadLeased(
  db: Executor,
  jobId: string,
  epoch: number,
): Promise<LeasedInstance | null> {
  const { rows } = await sql<LeasedRow>`
    select id, organization_id, revision, lease_epoch, lease_attempts, ${checkpointColumns}
      from machine_instance where id = ${jobId} and lease_epoch = ${epoch} and lease_owner is not null`.execute(
    db,
  )
  return rows[0] ? leasedInstanceOf(rows[0]) : null
}

/** Releases a lease if nothing was committed since `revision`; otherwise there may be work that no wake-up is queued for. */
export async function releaseLease(
  db: Executor,
  jobId: string,
  epoch: number,
  revision: number,
  isUnattempted = false,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update machine_instance set lease_owner = null, lease_until = null, lease_attempts = lease_attempts - ${isUnattempted ? 1 : 0}
     where id = ${jobId} and lease_epoch = ${epoch} and revision = ${revision}`.execute(db)
  return numAffectedRows === 1n
}

export async function renewLeases(
  db: Executor,
  leases: readonly { readonly jobId: string; readonly epoch: number }[],
  leaseSeconds: number,
): Promise<{ readonly states: readonly LeaseState[]; readonly now: number }> {
  const input = leases.map(({ jobId, epoch }) => ({ job_id: jobId, epoch }))
  const { rows } = await sql<LeaseState & { now: number }>`
    with requested as materialized (
      select * from json_to_recordset(${JSON.stringify(input)}::json) as x (job_id uuid, epoch bigint)
    ), locked as materialized (
      select id from machine_instance where id in (select job_id from requested) order by id for no key update
    )
    update machine_instance instance set lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
      from requested join locked on locked.id = requested.job_id
     where instance.id = locked.id and instance.lease_epoch = requested.epoch and instance.lease_owner is not null
    returning instance.id as "jobId", instance.lease_epoch as epoch, instance.revision, instance.step->>'key' as "stepKey",
              ${databaseNow} as now`.execute(db)
  return { states: rows, now: rows[0]?.now ?? Number.NEGATIVE_INFINITY }
}
