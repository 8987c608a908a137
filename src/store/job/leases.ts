import { CompiledQuery, sql } from 'kysely'
import type { LeasedInstance, LeaseResult, LeaseState } from '../../durable/instance-store.ts'
import { databaseNow, databaseNowText, type Executor } from '../database.ts'
import {
  type CheckpointRow,
  checkpointColumnNames,
  checkpointColumns,
  checkpointOfRow,
} from './checkpoint-row.ts'

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

/** The lease of one instance, and the database's time in epoch milliseconds. */
export interface AcquiredLease {
  readonly lease: LeaseResult
  readonly now: number
}

/** Acquires the lease of an instance, unless another worker holds it. Raises the epoch, which fences off the previous holder. */
export async function acquireLease(
  db: Executor,
  jobId: string,
  owner: string,
  leaseSeconds: number,
): Promise<AcquiredLease> {
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

/**
 * Acquires the leases of many instances in one statement, as `acquireLease` does, without waiting: the result is null for an instance that
 * another transaction has locked.
 */
export async function acquireLeases(
  db: Executor,
  jobIds: readonly string[],
  owner: string,
  leaseSeconds: number,
): Promise<readonly (AcquiredLease | null)[]> {
  const { rows } = await db.executeQuery<TriedRow>(
    CompiledQuery.raw(
      `with requested as (select unnest($1::uuid[]) as id), ${leasesOf('$2', '$3')}
       select tried.* from requested join tried on tried.id = requested.id`,
      [jobIds, owner, leaseSeconds],
    ),
  )
  return leasesIn(jobIds, rows)
}

/** What became of an instance whose lease was requested. `revision` is null if it was not acquired. */
export interface TriedRow extends Omit<LeasedRow, 'revision'> {
  readonly revision: number | null
  readonly now: number
  /** Another worker has the lease; otherwise, if it was not acquired, another transaction has locked the instance. */
  readonly isLeased: boolean
}

/** Common table expressions that acquire the leases of the instances whose ids are in `requested`. `tried` has a row for each instance that exists. */
export function leasesOf(owner: string, leaseSeconds: string): string {
  return `locked as materialized (
      select id from machine_instance where id = any(array(select id from requested)) order by id
         for no key update skip locked
    ), acquired as (
      update machine_instance instance
         set lease_epoch = lease_epoch + 1, lease_owner = ${owner}, lease_attempts = lease_attempts + 1,
             lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
        from locked
       where instance.id = any(array(select id from locked)) and instance.id = locked.id
         and (lease_until is null or lease_until < clock_timestamp())
      returning instance.id, organization_id, revision, lease_epoch, lease_attempts,
                ${checkpointColumnNames.join(', ')}
    ), tried as (
      select instance.id, acquired.organization_id, acquired.revision, acquired.lease_epoch, acquired.lease_attempts,
             ${checkpointColumnNames.map((name) => `acquired.${name}`).join(', ')},
             locked.id is not null as "isLeased", ${databaseNowText} as now
        from machine_instance instance
        left join locked on locked.id = instance.id
        left join acquired on acquired.id = instance.id
       where instance.id = any(array(select id from requested))
    )`
}

/** The result for each id, in their order. */
export function leasesIn(
  jobIds: readonly string[],
  rows: readonly TriedRow[],
): readonly (AcquiredLease | null)[] {
  const found = new Map(rows.map((row) => [row.id, row]))
  const taken = new Set<string>()
  return jobIds.map((jobId): AcquiredLease | null => {
    const row = found.get(jobId)
    if (!row) return { lease: { kind: 'missing' }, now: Number.NEGATIVE_INFINITY }
    // Two wake-ups of one instance: the first has the lease now.
    if (taken.has(jobId)) return { lease: { kind: 'leasedElsewhere' }, now: row.now }
    taken.add(jobId)
    const { revision } = row
    if (revision !== null)
      return { lease: { kind: 'acquired', instance: leasedInstanceOf({ ...row, revision }) }, now: row.now }
    if (row.isLeased) return { lease: { kind: 'leasedElsewhere' }, now: row.now }
    return null
  })
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

/** A lease to release. */
export interface ReleasedLease {
  readonly jobId: string
  readonly epoch: number
  readonly revision: number
  /** Gives the lease attempt back. */
  readonly isUnattempted: boolean
}

/** Releases a lease if nothing was committed since `revision`; otherwise there may be work that no wake-up is queued for. */
export async function releaseLease(db: Executor, lease: ReleasedLease): Promise<boolean> {
  const { jobId, epoch, revision, isUnattempted } = lease
  const { numAffectedRows } = await sql`
    update machine_instance set lease_owner = null, lease_until = null, lease_attempts = lease_attempts - ${isUnattempted ? 1 : 0}
     where id = ${jobId} and lease_epoch = ${epoch} and revision = ${revision}`.execute(db)
  return numAffectedRows === 1n
}

/**
 * Releases many leases in one statement, as `releaseLease` does, without waiting: the result is null for an instance that another
 * transaction has locked.
 */
export async function releaseLeases(
  db: Executor,
  leases: readonly ReleasedLease[],
): Promise<readonly (boolean | null)[]> {
  const input = leases.map(({ jobId, epoch, revision, isUnattempted }, index) => ({
    index,
    job_id: jobId,
    epoch,
    revision,
    attempts: isUnattempted ? 1 : 0,
  }))
  const { rows } = await sql<{ index: number; isReleased: boolean }>`
    with input as materialized (
      select * from json_to_recordset(${JSON.stringify(input)}::json)
        as x (index int, job_id uuid, epoch bigint, revision bigint, attempts int)
    ), locked as materialized (
      select id from machine_instance where id in (select job_id from input)
       order by id for no key update skip locked
    ), released as (
      update machine_instance instance
         set lease_owner = null, lease_until = null, lease_attempts = lease_attempts - input.attempts
        from input join locked on locked.id = input.job_id
       where instance.id = locked.id and instance.lease_epoch = input.epoch and instance.revision = input.revision
      returning input.index
    )
    select input.index, released.index is not null as "isReleased"
      from input join locked on locked.id = input.job_id left join released on released.index = input.index`.execute(
    db,
  )
  const results = new Map(rows.map(({ index, isReleased }) => [index, isReleased]))
  return leases.map((_lease, index) => results.get(index) ?? null)
}

/** What became of leases that were to be renewed, in their order. */
export interface Renewal {
  readonly states: readonly (LeaseState | 'lost' | 'locked')[]
  readonly now: number
}

/**
 * Renews leases in one statement. `lost`: another epoch has begun, or the lease was released. `locked`: another transaction has locked
 * the instance, which is not waited for unless `waits` is set.
 */
export async function renewLeases(
  db: Executor,
  leases: readonly { readonly jobId: string; readonly epoch: number }[],
  leaseSeconds: number,
  waits = false,
): Promise<Renewal> {
  const input = leases.map(({ jobId, epoch }, index) => ({ index, job_id: jobId, epoch }))
  const { rows } = await sql<
    LeaseState & { index: number; isLocked: boolean; isRenewed: boolean; now: number }
  >`
    with requested as materialized (
      select * from json_to_recordset(${JSON.stringify(input)}::json) as x (index int, job_id uuid, epoch bigint)
    ), locked as materialized (
      select id from machine_instance where id in (select job_id from requested)
       order by id for no key update ${sql.raw(waits ? '' : 'skip locked')}
    ), renewed as (
      update machine_instance instance set lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
        from requested join locked on locked.id = requested.job_id
       where instance.id = locked.id and instance.lease_epoch = requested.epoch and instance.lease_owner is not null
      returning requested.index, instance.id, instance.lease_epoch, instance.revision, instance.step->>'key' as step_key
    )
    select requested.index, locked.id is null as "isLocked", renewed.id is not null as "isRenewed",
           renewed.id as "jobId", renewed.lease_epoch as epoch, renewed.revision, renewed.step_key as "stepKey",
           ${databaseNow} as now
      from requested left join locked on locked.id = requested.job_id left join renewed on renewed.index = requested.index
     order by requested.index`.execute(db)
  const states = rows.map(({ jobId, epoch, revision, stepKey, isLocked, isRenewed }) =>
    isRenewed ? { jobId, epoch, revision, stepKey } : isLocked ? ('locked' as const) : ('lost' as const),
  )
  return { states, now: rows[0]?.now ?? Number.NEGATIVE_INFINITY }
}
