import { sql } from 'kysely'
import type { Postponement } from '../../durable/instance-store.ts'
import { databaseNow, type Executor } from '../database.ts'

/**
 * Sets the timers of instances and releases their leases, without a revision and an event: nothing else of them changed. False for an
 * instance that another writer changed first, or whose lease has another epoch by now. The caller queues the wake-ups of the others in the
 * same transaction. Rows are locked in the order of `LOCKS.md`.
 */
export async function postponeInstances(
  db: Executor,
  postponements: readonly Postponement[],
): Promise<{ readonly isPostponed: readonly boolean[]; readonly now: number }> {
  const input = postponements.map(({ jobId, revision, epoch, timers, wakeAt }, index) => ({
    index,
    job_id: jobId,
    revision,
    epoch,
    timers,
    wake_at: new Date(wakeAt).toISOString(),
  }))
  const { rows } = await sql<{ index: number; now: number }>`
    with input as materialized (
      select * from json_to_recordset(${JSON.stringify(input)}::json)
        as x (index int, job_id uuid, revision bigint, epoch bigint, timers jsonb, wake_at timestamptz)
    ), locked as materialized (
      select id from machine_instance where id = any(array(select job_id from input)) order by id for no key update
    )
    update machine_instance instance
       set timers = input.timers, wake_at = input.wake_at, lease_attempts = 0, lease_owner = null, lease_until = null
      from input join locked on locked.id = input.job_id
     where instance.id = any(array(select job_id from input)) and instance.id = locked.id
       and instance.revision = input.revision
       and instance.lease_epoch = input.epoch and instance.lease_owner is not null
    returning input.index, ${databaseNow} as now`.execute(db)
  const postponed = new Set(rows.map(({ index }) => index))
  return {
    isPostponed: postponements.map((_postponement, index) => postponed.has(index)),
    now: rows[0]?.now ?? Number.NEGATIVE_INFINITY,
  }
}
