import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { redriveJob } from '../../src/commands/job/redrive-job.ts'
import { jobMachine } from '../../src/definitions/machines.ts'
import { type Checkpoint, type Json, wakeAtOf } from '../../src/durable/checkpoint.ts'
import { decide, doneEvent, initialCheckpoint } from '../../src/durable/decide.ts'
import { catalogueOf } from '../../src/durable/machine.ts'
import { done, notDone, type Step } from '../../src/durable/step.ts'
import { queueWakeUps } from '../../src/queue/wake.ts'
import { sweep } from '../../src/queue/wake-worker.ts'
import { readDatabaseTime } from '../../src/store/database.ts'
import { findOpenDeadLetters } from '../../src/store/job/dead-letters.ts'
import { insertInstance } from '../../src/store/job/jobs.ts'
import { createAccount } from '../support/account.ts'
import { createCommandDeps } from '../support/command-deps.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { toyMachine } from '../support/toy-machine.ts'
import { startToyJob } from '../support/toy-runtime.ts'
import { waitUntil } from '../support/wait.ts'
import { roleStarter, shortenQueueRetries } from './support.ts'

const database = await createTestDatabase()
const organizationId = await createOrganization(database)
const otherOrganizationId = await createOrganization(database, 'Stranger')
const { boss } = await createCommandDeps(database)
const startRole = roleStarter(database)
beforeAll(() => shortenQueueRetries(database))

const { db } = database.runtime
const jobRow = (id: string) =>
  db.selectFrom('machine_instance').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
const deadLettersOf = (id: string) => findOpenDeadLetters(db, organizationId, [id])
const untilDeadLetter = async (id: string) => {
  const [deadLetter] = await waitUntil(
    () => deadLettersOf(id),
    (deadLetters) => deadLetters.length > 0,
    30_000,
  )
  return deadLetter
}
const untilState = (id: string, state: string) =>
  waitUntil(
    () => jobRow(id),
    (job) => job.state === state,
    30_000,
  )
const eventsOf = async (jobId: string) => {
  const events = await db.selectFrom('event').select(['type', 'payload']).orderBy('sequence').execute()
  return events.filter(({ payload }) => 'jobId' in payload && payload.jobId === jobId)
}
const redrive = (jobId: string, who: string | null = organizationId, machines = [toyMachine]) =>
  db
    .transaction()
    .execute((tx) =>
      redriveJob(
        tx,
        { boss, machines: catalogueOf(machines) },
        { organizationId: who, jobId, reason: ' It is mended ', by: null },
      ),
    )

describe('a job whose checkpoint this version cannot read', () => {
  it('gets a dead letter after its attempts, is skipped by the sweep, and continues after a redrive', async () => {
    const jobId = await startToyJob(database, boss, organizationId, 2)
    await db.updateTable('machine_instance').set({ version: 2 }).where('id', '=', jobId).execute()
    const before = await jobRow(jobId)
    const older = await startRole()
    expect(await untilDeadLetter(jobId)).toMatchObject({
      machine: 'toy',
      state: 'running',
      code: 'UNKNOWN_CHECKPOINT',
      message: expect.stringContaining('version 2'),
      attempts: 2,
      redrivenAt: null,
      isOpen: true,
    })
    await older.stop()
    // The job is unchanged, and its step was not attempted.
    expect(await jobRow(jobId)).toMatchObject({
      revision: 1,
      step: before.step,
      lease_attempts: 0,
      lease_owner: null,
    })

    const swept: string[] = []
    const forgotten = await startToyJob(database, boss, organizationId, 1)
    await boss.deleteAllJobs('job-wake')
    await sweep({ boss, db, onSwept: (ids) => swept.push(...ids) }, -1)
    expect(swept).toContain(forgotten)
    expect(swept).not.toContain(jobId)

    expect(await redrive(jobId, otherOrganizationId)).toEqual({ kind: 'missing', field: 'subjectId' })
    expect(await redrive(jobId)).toMatchObject({ kind: 'done' })
    expect(await redrive(jobId)).toEqual({ kind: 'refused', state: 'running', event: 'redrive' })
    expect(await deadLettersOf(jobId)).toEqual([])
    await startRole({ machines: [{ ...toyMachine, version: 2 }] })
    await untilState(jobId, 'finished')
    expect(await eventsOf(jobId)).toEqual([
      {
        type: 'toy.deadLettered',
        payload: expect.objectContaining({
          state: 'running',
          code: 'UNKNOWN_CHECKPOINT',
          leaseAttemptCount: 2,
        }),
      },
      { type: 'toy.redriven', payload: { jobId, reason: 'It is mended', by: null } },
    ])
  }, 120_000)

  it('gets a new dead letter after a redrive if the cause is not fixed', async () => {
    const jobId = await startToyJob(database, boss, organizationId, 1)
    await db.updateTable('machine_instance').set({ version: 2 }).where('id', '=', jobId).execute()
    await startRole()
    const first = await untilDeadLetter(jobId)
    await redrive(jobId)
    const second = await untilDeadLetter(jobId)
    expect(second?.id).not.toBe(first?.id)
  }, 120_000)
})

describe('a job that kills its worker at each attempt', () => {
  it('gets a dead letter, and is finished by a worker that survives', async () => {
    const supervisor = await startRole({ concurrency: 0 })
    const jobId = await startToyJob(database, boss, organizationId, 1)
    await letWorkerDie(jobId)
    await letWorkerDie(jobId)
    expect(await untilDeadLetter(jobId)).toMatchObject({ code: 'WORKER_DIED', attempts: 2 })
    await supervisor.stop()

    const mayHaveBegun: boolean[] = []
    await startRole({
      steps: {
        runLap: async (input, context) => {
          mayHaveBegun.push(context.mayHaveBegun)
          return done(input)
        },
      },
    })
    await redrive(jobId)
    await untilState(jobId, 'finished')
    expect(mayHaveBegun).toEqual([true])
  }, 120_000)

  async function letWorkerDie(jobId: string): Promise<void> {
    const file = fileURLToPath(new URL('./mortal-worker.ts', import.meta.url))
    const child = spawn(process.execPath, [file, database.url], { stdio: ['ignore', 'ignore', 'inherit'] })
    const [, signal] = await once(child, 'close')
    expect(signal).toBe('SIGKILL')
    // As if the lease and the heartbeat had expired.
    await db
      .updateTable('machine_instance')
      .set({ lease_until: new Date(0) })
      .where('id', '=', jobId)
      .execute()
    await database.owner.pool.query(
      `update reelpilot_queue.job set heartbeat_on = now() - interval '1 minute' where state = 'active'`,
    )
    await waitUntil(
      () =>
        database.owner.pool.query(
          `select from reelpilot_queue.job where name = 'job-wake' and state = 'active'`,
        ),
      ({ rowCount }) => rowCount === 0,
    )
  }
})

describe('a job whose workers fail while it opens a post', () => {
  /** Makes the database refuse transitions out of `publishing.initialising`: TikTok is called, and its answer is lost. */
  async function refuse(where: string): Promise<void> {
    await database.owner.pool.query(`
      create or replace function reelpilot.refuse() returns trigger
        language plpgsql as $$ begin raise 'out of order'; end $$;
      create trigger refuse before update on reelpilot.machine_instance for each row
        when (old.state = 'publishing.initialising' and new.state <> old.state and ${where})
        execute function reelpilot.refuse()`)
  }
  const permit = () => database.owner.pool.query('drop trigger refuse on reelpilot.machine_instance')
  const toInit = ['preparePost', 'initPost']
  const onwards = ['uploadChunk', 'checkPost', 'closeJob']

  it('stops with an unknown outcome, and reconciles before it opens another post', async () => {
    const jobId = await insertPreparingJob(await createAccount(database, organizationId))
    await refuse(`new.state <> 'needsPerson'`)
    const called: string[] = []
    await startRole({ machines: [jobMachine], steps: tiktokSteps(called) })
    expect(await untilDeadLetter(jobId)).toMatchObject({
      state: 'publishing.initialising',
      code: 'WORKER_ERROR',
    })
    expect(called).toEqual(toInit)
    expect(await jobRow(jobId)).toMatchObject({
      state: 'needsPerson',
      wake_at: null,
      context: {
        outcomeUnknown: true,
        failure: {
          verdict: 'NEEDS_OPERATOR',
          code: 'INFRASTRUCTURE_FAILED',
          // Of an unexpected error only the name is shown.
          message: expect.stringMatching(/error P0001\. The log has the cause\.$/),
        },
      },
    })

    await permit()
    expect(await redrive(jobId, organizationId, [jobMachine])).toMatchObject({ kind: 'done' })
    await untilState(jobId, 'published')
    expect(called).toEqual([...toInit, 'reconcilePost', ...toInit, ...onwards])
    expect((await eventsOf(jobId)).map(({ type }) => type)).toEqual(['job.deadLettered', 'job.redriven'])
  }, 120_000)

  it('gets a dead letter even if its transition fails, and reconciles after a redrive', async () => {
    const jobId = await insertPreparingJob(await createAccount(database, organizationId))
    await refuse('true')
    const called: string[] = []
    await startRole({ machines: [jobMachine], steps: tiktokSteps(called) })
    await untilDeadLetter(jobId)
    expect(await jobRow(jobId)).toMatchObject({ state: 'publishing.initialising', tag: 'working' })

    await permit()
    await redrive(jobId, organizationId, [jobMachine])
    await untilState(jobId, 'published')
    expect(called).toEqual([...toInit, 'reconcilePost', ...toInit, ...onwards])
  }, 120_000)

  /** Steps with the results of the real ones. A call that may have been made is not repeated. */
  function tiktokSteps(called: string[]) {
    const answers: Readonly<Record<string, Json>> = {
      initPost: {
        post: { publishId: 'p', uploadUrlSealed: 's', chunkSize: 10, chunkCount: 1 },
        audience: 'everyone',
      },
      reconcilePost: { kind: 'absent' },
      checkPost: { kind: 'public', postIds: ['7312345678901234567'] },
    }
    const failure = { verdict: 'OUTCOME_UNKNOWN', code: 'INIT_INTERRUPTED', message: 'Interrupted.' }
    const step =
      (name: string): Step =>
      async (_input, { mayHaveBegun }) => {
        if (name === 'initPost' && mayHaveBegun) return notDone({ kind: 'unknown', failure })
        called.push(name)
        return done(answers[name] ?? null)
      }
    const names = ['preparePost', 'initPost', 'reconcilePost', 'uploadChunk', 'checkPost', 'closeJob']
    return Object.fromEntries(names.map((name) => [name, step(name)]))
  }

  async function insertPreparingJob(accountId: string): Promise<string> {
    const at = await readDatabaseTime(db)
    const jobId = crypto.randomUUID()
    const kept = { sha256: 'a'.repeat(64), bytes: 1 }
    const media = { ...kept, seconds: 3, width: 1080, height: 1920 }
    const answers: Json[] = [
      { scenes: 1, seconds: 3, audience: 'everyone' },
      null,
      { clip: { v: 1 } },
      { kind: 'ready' },
      { kept },
      { media },
      null,
    ]
    const input = { slotId: crypto.randomUUID(), accountId, publishAt: at }
    let checkpoint: Checkpoint = initialCheckpoint(jobMachine, input, { at, key: `${jobId}/1`, epoch: null })
    while (checkpoint.state !== 'publishing.preparing') {
      const [timer] = Object.values(checkpoint.timers)
      const event = timer?.event ?? doneEvent(checkpoint.step?.id ?? '', answers.shift() ?? null)
      const decision = decide(jobMachine, checkpoint, event, { at, key: `${jobId}/1`, epoch: null })
      if (decision.kind === 'refused') throw new Error(`${decision.event} was refused in ${decision.state}`)
      checkpoint = decision.checkpoint
    }
    await db.transaction().execute(async (tx) => {
      await insertInstance(tx, {
        id: jobId,
        organizationId,
        slotId: null,
        accountId,
        checkpoint,
        wakeAt: wakeAtOf(checkpoint, at),
      })
      await queueWakeUps(boss, [{ jobId, organizationId, reason: 1 }], tx)
    })
    return jobId
  }
})
