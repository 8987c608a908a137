import { afterEach, describe, expect, it } from 'vitest'
import type { MachineEvent } from '../../src/durable/checkpoint.ts'
import { decide } from '../../src/durable/decide.ts'
import { drive, maxLeaseAttempts } from '../../src/durable/drive.ts'
import { done, notDone, type Step } from '../../src/durable/step.ts'
import { startWakeWorker, sweep } from '../../src/queue/wake-worker.ts'
import { lockInstance } from '../../src/store/job/jobs.ts'
import { commitTransitions } from '../../src/store/job/transitions.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { toyMachine } from '../support/toy-machine.ts'
import { createToyProcess, startToyJob, type ToyProcess } from '../support/toy-runtime.ts'
import { waitUntil } from '../support/wait.ts'

const database = await createTestDatabase()
const organizationId = await createOrganization(database)
const processes: ToyProcess[] = []
const createProcess = async (
  ...options: Parameters<typeof createToyProcess> extends [unknown, ...infer Rest] ? Rest : never
) => {
  const process = await createToyProcess(database, ...options)
  processes.push(process)
  return process
}
afterEach(async () => {
  for (const process of processes.splice(0)) await process.stop()
})

const jobRow = (id: string) =>
  database.runtime.db
    .selectFrom('machine_instance')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
const eventsOf = (id: string) =>
  database.runtime.db.selectFrom('event').selectAll().where('job_id', '=', id).orderBy('sequence').execute()

/** Sends an event to a job as a command does: lock, decide, commit. */
async function command(jobId: string, event: MachineEvent): Promise<void> {
  await database.runtime.db.transaction().execute(async (tx) => {
    const job = await lockInstance(tx, jobId)
    if (!job) throw new Error('no such job')
    const facts = { at: Date.now(), key: `${jobId}/${job.revision + 1}`, epoch: null }
    const decision = decide(toyMachine, job.checkpoint, event, facts)
    if (decision.kind === 'refused') throw new Error('refused')
    const { results } = await commitTransitions(tx, [
      {
        jobId,
        organizationId,
        expectedRevision: job.revision,
        epoch: null,
        from: job.checkpoint.state,
        event: event.type,
        next: decision.checkpoint,
        wakeAt: decision.checkpoint.tag === 'working' ? Date.now() : null,
        release: false,
      },
    ])
    expect(results[0]?.kind).toBe('committed')
  })
}

describe('the runtime on Postgres', () => {
  it('drives a job through consecutive steps, with one revision and one event each', async () => {
    const { boss, runtime } = await createProcess()
    const jobId = await startToyJob(database, boss, organizationId, 3)
    expect(await drive(runtime, jobId)).toBe('rested')
    expect(await jobRow(jobId)).toMatchObject({
      state: 'finished',
      tag: 'final',
      revision: 4,
      wake_at: null,
      lease_owner: null,
    })
    expect((await eventsOf(jobId)).map((event) => event.job_revision)).toEqual([1, 2, 3, 4])
  })

  it('handles wake-ups from the queue, waits with a deferred one, and finishes', async () => {
    let calls = 0
    const { boss, runtime } = await createProcess({
      steps: {
        runLap: async (input) => {
          calls += 1
          return calls === 1 ? notDone('try again') : done(input)
        },
      },
    })
    await startWakeWorker({
      boss,
      db: database.runtime.db,
      runtime,
      concurrency: 2,
      onError: () => undefined,
    })
    const jobId = await startToyJob(database, boss, organizationId, 1)
    await waitUntil(
      () => jobRow(jobId),
      (job) => job.state === 'backingOff',
    )
    expect((await jobRow(jobId)).lease_owner).toBeNull()
    await waitUntil(
      () => jobRow(jobId),
      (job) => job.state === 'finished',
    )
    expect(calls).toBe(2)
  })

  it('keeps the event sequence of an organization gapless while many jobs change at once', async () => {
    const { boss, runtime } = await createProcess()
    const tenant = await createOrganization(database, 'Sequence')
    const jobs = await Promise.all(Array.from({ length: 30 }, () => startToyJob(database, boss, tenant, 5)))
    await Promise.all(jobs.map((jobId) => drive(runtime, jobId)))
    const events = await database.runtime.db
      .selectFrom('event')
      .select('sequence')
      .where('organization_id', '=', tenant)
      .orderBy('sequence')
      .execute()
    expect(events.map((event) => event.sequence)).toEqual(
      Array.from({ length: 30 * 6 }, (_, index) => index + 1),
    )
  })

  it('does not drive a job that another worker has leased', async () => {
    const [one, two] = [await createProcess(), await createProcess()]
    const jobId = await startToyJob(database, one.boss, organizationId)
    await one.runtime.instanceStore.acquireLease(jobId)
    expect(await drive(two.runtime, jobId)).toBe('leasedElsewhere')
    expect(await drive(two.runtime, '00000000-0000-4000-8000-000000000000')).toBe('missing')
  })

  it('refuses the commit of a worker whose lease another worker has acquired', async () => {
    const [stale, fresh] = [await createProcess(), await createProcess()]
    const jobId = await startToyJob(database, stale.boss, organizationId, 2)
    let entered: (() => void) | undefined
    const inStep = new Promise<void>((resolve) => {
      entered = resolve
    })
    let finish: ((value: ReturnType<typeof done>) => void) | undefined
    const slow: Step = () => {
      entered?.()
      return new Promise((resolve) => {
        finish = resolve
      })
    }
    const staleDrive = drive({ ...stale.runtime, steps: { runLap: slow } }, jobId)
    await inStep
    stale.runtime.keeper.stop() // A frozen worker renews no lease.
    await database.runtime.db
      .updateTable('machine_instance')
      .set({ lease_until: new Date(0) })
      .where('id', '=', jobId)
      .execute()
    expect(await drive(fresh.runtime, jobId)).toBe('rested')
    finish?.(done({ lap: 0 }))
    expect(await staleDrive).toBe('leaseLost')
    expect(await jobRow(jobId)).toMatchObject({ state: 'finished', revision: 3 })
    expect(await eventsOf(jobId)).toHaveLength(3)
  })

  it('keeps a worker that lost its lease from a call that cannot be undone', async () => {
    const [stale, fresh] = [await createProcess(), await createProcess()]
    const jobId = await startToyJob(database, stale.boss, organizationId, 1)
    let called = false
    const step: Step = async (input, { fence }) => {
      await fence() // The worker still has the lease.
      stale.runtime.keeper.stop() // A frozen worker renews no lease and does not learn that it is lost.
      await database.runtime.db
        .updateTable('machine_instance')
        .set({ lease_until: new Date(0) })
        .where('id', '=', jobId)
        .execute()
      await drive(fresh.runtime, jobId)
      await fence()
      called = true
      return done(input)
    }
    expect(await drive({ ...stale.runtime, steps: { runLap: step } }, jobId)).toBe('leaseLost')
    expect(called).toBe(false)
    expect(await jobRow(jobId)).toMatchObject({ state: 'finished' })
  })

  it('decides again when a command changed the context under a running step', async () => {
    const { boss, runtime } = await createProcess()
    const jobId = await startToyJob(database, boss, organizationId, 1)
    const step: Step = async (input) => {
      await command(jobId, { type: 'note', text: 'while you were away' })
      return done(input)
    }
    expect(await drive({ ...runtime, steps: { runLap: step } }, jobId)).toBe('rested')
    expect(await jobRow(jobId)).toMatchObject({
      state: 'finished',
      revision: 3,
      context: { note: 'while you were away', done: 1 },
    })
  })

  it('aborts a step that its job no longer waits for, and ignores its outcome', async () => {
    const { boss, runtime } = await createProcess()
    const jobId = await startToyJob(database, boss, organizationId, 1)
    const step: Step = async (_input, { signal }) => {
      await command(jobId, { type: 'pause' })
      runtime.keeper.checkNow(jobId)
      return await new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      )
    }
    expect(await drive({ ...runtime, steps: { runLap: step } }, jobId)).toBe('rested')
    expect(await jobRow(jobId)).toMatchObject({ state: 'paused', tag: 'resting', lease_owner: null })
  })

  it('reports whether an earlier worker may have begun a step', async () => {
    const { boss, runtime } = await createProcess()
    const jobId = await startToyJob(database, boss, organizationId, 2)
    const seen: boolean[] = []
    const step: Step = async (input, { mayHaveBegun }) => {
      seen.push(mayHaveBegun)
      if (seen.length === 2) throw new Error('the worker fell over')
      return done(input)
    }
    const failing = { ...runtime, steps: { runLap: step } }
    await expect(drive(failing, jobId)).rejects.toThrow('fell over')
    await drive(failing, jobId)
    // The first step is set by a command, the second by this drive; the third run repeats the second step.
    expect(seen).toEqual([false, false, true])
  })

  it('reports whether a command’s step may have begun, also after other events', async () => {
    const { boss, runtime } = await createProcess()
    const jobId = await startToyJob(database, boss, organizationId, 1)
    const seen: boolean[] = []
    const step: Step = async (input, { mayHaveBegun }) => {
      seen.push(mayHaveBegun)
      if (seen.length % 2 === 1) throw new Error('the worker fell over')
      return done(input)
    }
    const failing = { ...runtime, steps: { runLap: step } }
    await expect(drive(failing, jobId)).rejects.toThrow('fell over')
    await command(jobId, { type: 'note', text: 'the step stays the same' })
    await drive(failing, jobId)
    expect(seen).toEqual([false, true])

    // A step that is set again is another step.
    const secondJob = await startToyJob(database, boss, organizationId, 1)
    await expect(drive(failing, secondJob)).rejects.toThrow('fell over')
    await command(secondJob, { type: 'pause' })
    await command(secondJob, { type: 'resume' })
    await drive(failing, secondJob)
    expect(seen).toEqual([false, true, false, false])
  })

  it('fails a step that kills all its workers instead of retrying forever', async () => {
    const { boss, runtime } = await createProcess()
    const jobId = await startToyJob(database, boss, organizationId, 1)
    const poisoned = {
      ...runtime,
      steps: {
        runLap: async () => {
          throw new Error('poison')
        },
      },
    }
    for (let attempt = 0; attempt < maxLeaseAttempts; attempt += 1)
      await expect(drive(poisoned, jobId)).rejects.toThrow('poison')
    expect(await drive(poisoned, jobId)).toBe('rested')
    expect((await jobRow(jobId)).state).toBe('backingOff')
  })

  it('wakes a job whose wake-up was lost by the sweep', async () => {
    const { boss, runtime } = await createProcess()
    const jobId = await startToyJob(database, boss, organizationId, 1)
    await boss.deleteAllJobs('job-wake')
    await database.runtime.db
      .updateTable('machine_instance')
      .set({ wake_at: new Date(Date.now() - 60_000) })
      .where('id', '=', jobId)
      .execute()
    await startWakeWorker({
      boss,
      db: database.runtime.db,
      runtime,
      concurrency: 1,
      onError: () => undefined,
    })
    expect(await sweep({ boss, db: database.runtime.db }, 30)).toBeGreaterThanOrEqual(1)
    await waitUntil(
      () => jobRow(jobId),
      (job) => job.state === 'finished',
    )
  })

  it('releases a job at its next checkpoint when the process drains, and another process continues', async () => {
    const one = await createProcess()
    const jobId = await startToyJob(database, one.boss, organizationId, 3)
    const step: Step = async (input) => {
      one.drain()
      return done(input)
    }
    expect(await drive({ ...one.runtime, steps: { runLap: step } }, jobId)).toBe('drained')
    expect(await jobRow(jobId)).toMatchObject({ state: 'running', revision: 2, lease_owner: null })
    const two = await createProcess()
    expect(await drive(two.runtime, jobId)).toBe('rested')
    expect(await jobRow(jobId)).toMatchObject({ state: 'finished', revision: 4 })
  })
})
