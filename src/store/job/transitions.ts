import { sql } from 'kysely'
import type { Transition, TransitionResult } from '../../durable/instance-store.ts'
import { databaseNow, type Executor } from '../database.ts'
import { sequencesFor } from '../event/append.ts'
import { recordChange } from '../event/changes.ts'
import { type QueueInsert, queuedOf } from './queue-inserts.ts'

/** The wake-ups of transitions: their ids in the places of the transitions, null where there is none. */
export interface TransitionWakeUps {
  readonly ids: readonly (string | null)[]
  readonly insert: QueueInsert
}

/**
 * Commits transitions of many machine instances in one statement: compare-and-set on each row, the organizations' event sequences, and
 * one event each. An instance that another writer changed first, or whose lease has another epoch by now, is left unchanged and
 * returned as `conflict`; the others are committed. Rows are locked in the order of `LOCKS.md`.
 *
 * `wakeUps` are queued with them, each if the transition in its place is committed.
 */
export async function commitTransitions(
  db: Executor,
  transitions: readonly Transition[],
  wakeUps?: TransitionWakeUps,
): Promise<{ readonly results: readonly TransitionResult[]; readonly now: number }> {
  const input = transitions.map((transition, index) => ({
    index,
    job_id: transition.jobId,
    expected: transition.expectedRevision,
    epoch: transition.epoch,
    from: transition.from,
    event: transition.event,
    wake_at: transition.wakeAt === null ? null : new Date(transition.wakeAt).toISOString(),
    release: transition.release,
    version: transition.next.version,
    state: transition.next.state,
    tag: transition.next.tag,
    context: transition.next.context,
    step: transition.next.step,
    timers: transition.next.timers,
    wake_up: wakeUps?.ids[index],
  }))
  const chosen = sql`select input.wake_up from updated join input using (index)`
  const { rows } = await sql<{ index: number; revision: number; sequence: number; now: number }>`
    with input as materialized (
      select * from json_to_recordset(${JSON.stringify(input)}::json) as x (
        index int, job_id uuid, expected bigint, epoch bigint, "from" text, event text, wake_at timestamptz,
        release boolean, version int, state text, tag text, context jsonb, step jsonb, timers jsonb, wake_up uuid)
    ), locked_instances as materialized (
      select id from machine_instance where id = any(array(select job_id from input)) order by id for no key update
    ), updated as (
      update machine_instance instance
         set version = input.version, state = input.state, tag = input.tag, context = input.context,
             step = input.step, timers = input.timers, revision = instance.revision + 1, wake_at = input.wake_at,
             updated_at = clock_timestamp(),
             -- A command has just set a step in an instance without a lease: no worker can have begun it.
             lease_attempts = case when input.release then 0
                          when input.epoch is not null then 1
                          when instance.step->>'key' is not distinct from input.step->>'key' then instance.lease_attempts
                          when instance.lease_owner is null then 0 else 1 end,
             lease_owner = case when input.release then null else instance.lease_owner end,
             lease_until = case when input.release then null else instance.lease_until end
        from input join locked_instances on locked_instances.id = input.job_id
       where instance.id = any(array(select job_id from input)) and instance.id = locked_instances.id
         and instance.revision = input.expected
         and (input.epoch is null or (instance.lease_epoch = input.epoch and instance.lease_owner is not null))
      returning input.index, instance.id, instance.machine, instance.organization_id, instance.slot_id,
                instance.account_id, instance.revision,
                input."from", input.event, instance.state, instance.tag, instance.context->'progress' as progress
    ), ${wakeUps ? sql`${queuedOf(wakeUps.insert, chosen)}, ` : sql``} ${sequencesFor('updated')}, appended as (
      insert into event (organization_id, sequence, type, job_id, job_revision, slot_id, account_id, payload)
      select updated.organization_id,
             heads.base + row_number() over (partition by updated.organization_id order by updated.index),
             updated.machine || '.transitioned', updated.id, updated.revision, updated.slot_id, updated.account_id,
             jsonb_build_object('from', updated."from", 'to', updated.state, 'event', updated.event, 'tag', updated.tag,
                                'progress', updated.progress)
        from updated join heads using (organization_id)
      returning job_id, job_revision, sequence
    )
    select updated.index, updated.revision, appended.sequence, ${databaseNow} as now
      from updated join appended on appended.job_id = updated.id and appended.job_revision = updated.revision`.execute(
    db,
  )
  const committed = new Map(rows.map((row) => [row.index, row]))
  const results = transitions.map(({ organizationId, jobId }, index): TransitionResult => {
    const row = committed.get(index)
    if (!row) return { kind: 'conflict' }
    recordChange(db, organizationId, jobId)
    return { kind: 'committed', revision: row.revision, sequence: row.sequence }
  })
  return { results, now: rows[0]?.now ?? Number.NEGATIVE_INFINITY }
}
