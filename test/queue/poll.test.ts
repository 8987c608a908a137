import { randomUUID } from 'node:crypto'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { wakeAtOf } from '../../src/durable/checkpoint.ts'
import { decide, initialCheckpoint } from '../../src/durable/decide.ts'
import { type Boundary, drive, maxLeaseAttempts } from '../../src/durable/drive.ts'
import { catalogueOf } from '../../src/durable/machine.ts'
import { done, type Step } from '../../src/durable/step.ts'
import { startWakeWorker } from '../../src/queue/wake-worker.ts'
import { insertInstance, lockInstance } from '../../src/store/job/jobs.ts'
import { commitTransitions } from '../../src/store/job/transitions.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { pollingMachine } from '../support/polling-machine.ts'
import { createToyProcess } from '../support/toy-runtime.ts'
import { waitUntil } from '../support/wait.ts'

const database = await createTestDatabase()
const organizationId = await createOrganization(database)
const { db } = database.runtime
const { pool } = database.owner
const machines = catalogueOf([pollingMachine])
const { boss, runtime, stop } = await createToyProcess(database, { machines })
afterAll(stop)

/** Queued wake-ups of earlier tests. */
beforeEach(() => boss.deleteAllJobs('job-wake'))

/** An instance that waits for its first poll, which is due. */
async function startPolling(): Promise<string> {
  const id = randomUUID()
  const facts = { at: Date.now() - 60_000, key: `${id}/1`, epoch: null }
  const checkpoint = initialCheckpoint(pollingMachine, {}, facts)
  const wakeAt = wakeAtOf(checkpoint, facts.at)
  await insertInstance(db, { id, organizationId, slotId: null, accountId: null, checkpoint, wakeAt })
  return id
}

const rowOf = (id: string) =>
  db.selectFrom('machine_instance').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
const eventsOf = async (id: string) =>
  (await db.selectFrom('event').select('payload').where('job_id', '=', id).orderBy('sequence').execute()).map(
    ({ payload }) => payload,
  )
const wakeUpsOf = async (id: string) =>
  (
    await pool.query(
      `select start_after from reelpilot_queue.job where name = 'job-wake' and data->>'jobId' = $1 and state = 'created'`,
      [id],
    )
  ).rows
const answering = (ask: Step) => ({ ...runtime, steps: { ask } })
const stillAt = (percent: number) => answering(async () => done({ percent }))
/** As if the time of the next poll had come. */
const makeDue = (id: string) =>
  pool.query(
    `update reelpilot.machine_instance
        set wake_at = now() - interval '1 minute', timers = (select jsonb_object_agg(key, value || '{"dueAt": 0}') from jsonb_each(timers))
      where id = $1`,
    [id],
  )
async function stopByCommand(id: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const found = await lockInstance(tx, id)
    if (!found) throw new Error('no such instance')
    const facts = { at: Date.now(), key: `${id}/${found.revision + 1}`, epoch: null }
    const decision = decide(pollingMachine, found.checkpoint, { type: 'stop' }, facts)
    if (decision.kind === 'refused') throw new Error('refused')
    await commitTransitions(tx, [
      {
        jobId: id,
        organizationId,
        expectedRevision: found.revision,
        epoch: null,
        from: found.checkpoint.state,
        event: 'stop',
        next: decision.checkpoint,
        wakeAt: null,
        release: false,
      },
    ])
  })
}

describe('a poll', () => {
  it('that finds nothing new makes no revision and no event, and queues the next poll', async () => {
    const id = await startPolling()
    const before = await rowOf(id)
    for (let poll = 1; poll <= maxLeaseAttempts + 2; poll += 1) {
      await makeDue(id)
      expect(await drive(stillAt(0), id)).toBe('rested')
      expect(await wakeUpsOf(id)).toHaveLength(poll)
    }
    const row = await rowOf(id)
    expect(row).toMatchObject({ state: 'waiting', revision: 1, lease_owner: null, lease_until: null })
    expect(row).toMatchObject({ lease_attempts: 0, updated_at: before.updated_at })
    expect(row.wake_at?.getTime()).toBeGreaterThan(Date.now() - 10_000)
    expect(await eventsOf(id)).toEqual([])
  })

  it('that finds something new makes one revision, with an event from the waiting state', async () => {
    const id = await startPolling()
    await drive(stillAt(40), id)
    expect(await rowOf(id)).toMatchObject({ state: 'waiting', revision: 2, context: { percent: 40 } })
    await makeDue(id)
    await drive(stillAt(100), id)
    expect(await rowOf(id)).toMatchObject({ state: 'finished', revision: 3, wake_at: null })
    expect(await eventsOf(id)).toMatchObject([
      { from: 'waiting', to: 'waiting', event: 'xstate.done.actor.ask' },
      { from: 'waiting', to: 'finished', event: 'xstate.done.actor.ask' },
    ])
  })

  it('is woken by the queue again and again until it is done', async () => {
    let polls = 0
    const ask: Step = async () => {
      polls += 1
      return done({ percent: polls < 5 ? 0 : 100 })
    }
    const onError = () => undefined
    const worker = await startWakeWorker({ boss, db, runtime: answering(ask), concurrency: 1, onError })
    const id = await startPolling()
    await drive(answering(ask), id)
    await waitUntil(
      () => rowOf(id),
      ({ state }) => state === 'finished',
    )
    await worker.stop(1_000)
    expect(polls).toBe(5)
    expect(await rowOf(id)).toMatchObject({ revision: 2 })
  })

  it('of a worker that was overtaken changes nothing', async () => {
    const id = await startPolling()
    // As a frozen worker finds it when it continues: its lease ran out, and another worker has one.
    const ask: Step = async () => {
      await pool.query(
        `update reelpilot.machine_instance set lease_epoch = lease_epoch + 1, lease_owner = 'another worker' where id = $1`,
        [id],
      )
      return done({ percent: 0 })
    }
    const { wake_at } = await rowOf(id)
    expect(await drive(answering(ask), id)).toBe('leaseLost')
    expect(await rowOf(id)).toMatchObject({ revision: 1, wake_at, lease_owner: 'another worker' })
    expect(await wakeUpsOf(id)).toEqual([])
  })

  it.each([0, 40, 100])(
    'that answers %i percent after a command acted leaves what the command did',
    async (percent) => {
      const id = await startPolling()
      const ask: Step = async () => {
        await stopByCommand(id)
        return done({ percent })
      }
      expect(await drive(answering(ask), id)).toBe('rested')
      expect(await rowOf(id)).toMatchObject({ state: 'stopped', revision: 2, lease_owner: null })
      expect(await wakeUpsOf(id)).toEqual([])
    },
  )

  it('is aborted once a command has acted', async () => {
    const id = await startPolling()
    const ask: Step = async (_input, { signal }) => {
      await stopByCommand(id)
      runtime.keeper.checkNow(id)
      return await new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      )
    }
    expect(await drive(answering(ask), id)).toBe('rested')
    expect(await rowOf(id)).toMatchObject({ state: 'stopped', lease_owner: null })
  })

  it('that is still running is not aborted by the renewal of its lease', async () => {
    const id = await startPolling()
    const ask: Step = async (_input, { signal }) => {
      runtime.keeper.checkNow(id)
      await waitUntil(
        () => rowOf(id),
        ({ lease_until }) => (lease_until?.getTime() ?? 0) > firstLease,
      )
      return done({ percent: signal.aborted ? 1 : 0 })
    }
    const firstLease = Date.now() + 8_000
    expect(await drive(answering(ask), id)).toBe('rested')
    expect(await rowOf(id)).toMatchObject({ revision: 1 })
  })

  it.each<Boundary>(['beforeStep', 'afterStep', 'beforeCommit'])(
    'that dies %s leaves the instance due, and another worker polls',
    async (boundary) => {
      const id = await startPolling()
      const { wake_at } = await rowOf(id)
      const dying = {
        ...stillAt(0),
        onBoundary: (at: Boundary) => {
          if (at === boundary) throw new Error('killed')
        },
      }
      await expect(drive(dying, id)).rejects.toThrow('killed')
      expect(await rowOf(id)).toMatchObject({ revision: 1, state: 'waiting', wake_at })
      expect(await drive(stillAt(0), id)).toBe('rested')
      expect(await wakeUpsOf(id)).toHaveLength(1)
    },
  )

  it('that kills all its workers is reported to its machine', async () => {
    const id = await startPolling()
    const poisoned = answering(async () => {
      throw new Error('poison')
    })
    for (let attempt = 0; attempt < maxLeaseAttempts; attempt += 1)
      await expect(drive(poisoned, id)).rejects.toThrow('poison')
    expect(await drive(poisoned, id)).toBe('rested')
    expect(await rowOf(id)).toMatchObject({ state: 'broken', revision: 2 })
  })

  it('keeps the row as it was if its wake-up cannot be queued', async () => {
    const id = await startPolling()
    const { wake_at } = await rowOf(id)
    await pool.query(
      `alter table reelpilot_queue.job_common add constraint refuse check (data->>'jobId' <> '${id}') not valid`,
    )
    await expect(drive(stillAt(0), id)).rejects.toThrow('refuse')
    await pool.query('alter table reelpilot_queue.job_common drop constraint refuse')
    expect(await rowOf(id)).toMatchObject({ wake_at, revision: 1, lease_owner: null })
  })
})
