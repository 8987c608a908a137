import { sql } from 'kysely'
import type { Transition, TransitionResult } from '../../durable/instance-store.ts'
import type { Executor } from '../database.ts'
import { databaseNow } from '../database-time.ts'
import { recordChange } from '../event/changes.ts'
import { sequencesFor } from '../event/event-sequence.ts'

/**
 * Commits transitions of many jobs in one statement: compare-and-set on each row, the organizations' event
 * sequences, and one event each. A job that somebody else moved first, or that this epoch no longer holds, is
 * left as it is and answered `conflict`; the others are committed. Rows are locked in the order of `LOCKS.md`.
 */
export async function commitTransitions(
  db: Executor,
  transitions: readonly Transition[],
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
  }))
  const { rows } = await sql<{ index: number; revision: number; sequence: number; now: number }>`
    with input as materialized (
      select * from json_to_recordset(${JSON.stringify(input)}::json) as x (
        index int, job_id uuid, expected bigint, epoch bigint, "from" text, event text, wake_at timestamptz,
        release boolean, version int, state text, tag text, context jsonb, step jsonb, timers jsonb)
    ), held as materialized (
      select id from machine_instance job where id in (select job_id from input) order by id for no key update
    ), moved as (
      update machine_instance job
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
        from input join held on held.id = input.job_id
       where job.id = held.id and job.revision = input.expected
         and (input.epoch is null or (job.lease_epoch = input.epoch and job.lease_owner is not null))
      returning input.index, job.id, job.machine, job.organization_id, job.slot_id, job.account_id, job.revision,
                input."from", input.event, job.state, job.tag, job.context->'progress' as progress
    ), ${sequencesFor('moved')}, appended as (
      insert into event (organization_id, sequence, type, job_id, job_revision, slot_id, account_id, payload)
      select moved.organization_id,
             heads.base + row_number() over (partition by moved.organization_id order by moved.index),
             moved.machine || '.transitioned', moved.id, moved.revision, moved.slot_id, moved.account_id,
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
  const results = transitions.map(({ organizationId, jobId }, index): TransitionResult => {
    const row = committed.get(index)
    if (!row) return { kind: 'conflict' }
    recordChange(db, organizationId, jobId)
    return { kind: 'committed', revision: row.revision, sequence: row.sequence }
  })
  return { results, now: rows[0]?.now ?? Number.NEGATIVE_INFINITY }
}
