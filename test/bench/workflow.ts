import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { batch } from '../../src/durable/batch.ts'
import { startWakeWorker } from '../../src/queue/wake-worker.ts'
import { connect } from '../../src/store/database.ts'
import { createToyProcess, startToyJobs } from '../support/toy-runtime.ts'
import { type BenchDatabase, inFlight } from './bench-database.ts'
import type { Row } from './row.ts'

const steps = 5
const atOnce = 32

/**
 * Durable workflows over the full path, 32 in flight: a job is started (row, wake-up and event), fetched from the queue, leased, driven
 * through five no-op steps with a checkpoint and an event each, and done. Jobs that start at the same moment share a statement, as those
 * of a scan do. Beside it the minimum: the same rows by bare pg, without a
 * queue and without leases, in one statement for all jobs that are ready, and in one statement for each.
 */
export const workflow: Row = {
  name: 'Durable workflows, full path',
  unit: `workflows/s at ${atOnce} in flight`,
  better: 'higher',
  goal: 0.4,
  peers: ['DBOS 5 steps', 'Restate 5 steps (ctx.run)'].map((name) => ({
    name,
    file: 'bench/05-workflow.mjs',
    contender: name,
    figure: 'c32 wf/s',
  })),
  async open(database, form) {
    const jobs = form === 'quick' ? 150 : 600
    const finished = new Map<string, () => void>()
    const { boss, runtime, stop } = await createToyProcess(database, {
      supervises: false,
      renewEveryMs: 2_500,
      onError: console.error,
      onCommitted: (transitions) => {
        for (const { jobId, next } of transitions) if (next.tag === 'final') finished.get(jobId)?.()
      },
    })
    const { db } = database.runtime
    const worker = await startWakeWorker({ boss, db, runtime, concurrency: atOnce, onError: console.error })
    const limit = await openBareWorkflows(database)
    // In production another process starts jobs, over connections of its own.
    const runtimeOfStarts = connect(database.url, 'reelpilot_runtime', {
      max: 10,
      name: 'bench starts',
      onError: console.error,
    })
    const starting = { url: database.url, runtime: runtimeOfStarts }
    const startAll = async (jobIds: readonly string[]) => {
      await startToyJobs(starting, boss, database.organizationId, steps, jobIds)
      return jobIds
    }
    const perform = (start: (jobId: string) => Promise<unknown>) => async () => {
      const jobId = randomUUID()
      const isFinished = new Promise<void>((resolve) => finished.set(jobId, resolve))
      await start(jobId)
      await isFinished
      finished.delete(jobId)
    }
    // As in a database that has been in use: without statistics, plans of the queue read whole tables.
    await rateOf(jobs, perform(batch(startAll)))
    await limit.analyze()
    return {
      product: () => rateOf(jobs, perform(batch(startAll))),
      limit: () => rateOf(jobs, limit.performGrouped),
      others: {
        'each job started by a command of its own': () =>
          rateOf(
            jobs,
            perform((jobId) => startAll([jobId])),
          ),
        'limit, a statement a step': () => rateOf(jobs, limit.performSingle),
      },
      async close() {
        await worker.stop(5_000)
        await stop()
        await runtimeOfStarts.close()
        await limit.close()
      },
    }
  },
}

async function rateOf(jobs: number, perform: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await inFlight(jobs, atOnce, perform)
  return jobs / ((performance.now() - start) / 1_000)
}

const snapshot = (step: number) => JSON.stringify({ value: `step${step}`, context: { done: step } })

const insertText = `insert into bench_workflow (id, state, snapshot)
  select id, 'created', snapshot from unnest($1::uuid[], $2::jsonb[]) x (id, snapshot)`
const stepText = `
  with input as (select * from unnest($1::uuid[], $2::int[], $3::jsonb[]) x (id, version, snapshot)),
  updated as (
    update bench_workflow w set state = 'running', version = w.version + 1, snapshot = input.snapshot, updated_at = now()
      from input where w.id = input.id and w.version = input.version returning w.id, w.version
  )
  insert into bench_workflow_event (workflow_id, version, data) select id, version, '{"type": "step"}' from updated returning workflow_id`

/** Two tables; the calls that wait while two statements run share the next one. */
async function openBareWorkflows({ url }: BenchDatabase) {
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  pool.on('error', console.error)
  await pool.query(`
    create table bench_workflow (
      id uuid primary key, state text not null, version int not null default 0, snapshot jsonb not null,
      created_at timestamptz not null default now(), updated_at timestamptz not null default now()) with (fillfactor = 70);
    create table bench_workflow_event (
      sequence bigint generated always as identity primary key, workflow_id uuid not null, version int not null, data jsonb,
      at timestamptz not null default now(), unique (workflow_id, version))`)

  type Row = readonly [id: string, version: number, snapshot: string]
  const insert = (rows: readonly Row[]) =>
    pool.query({
      name: 'insert',
      text: insertText,
      values: [rows.map(([id]) => id), rows.map(([, , data]) => data)],
    })
  const step = (rows: readonly Row[]) =>
    pool.query({
      name: 'step',
      text: stepText,
      values: [rows.map(([id]) => id), rows.map(([, version]) => version), rows.map(([, , data]) => data)],
    })
  const grouped = (write: (rows: readonly Row[]) => Promise<unknown>) => {
    let waiting: {
      readonly row: Row
      readonly resolve: () => void
      readonly reject: (error: unknown) => void
    }[] = []
    let running = 0
    const pump = () => {
      if (waiting.length === 0 || running === 2) return
      const group = waiting
      waiting = []
      running += 1
      write(group.map(({ row }) => row)).then(
        () => {
          running -= 1
          for (const { resolve } of group) resolve()
          pump()
        },
        (error) => {
          for (const { reject } of group) reject(error)
        },
      )
    }
    return (row: Row) =>
      new Promise<void>((resolve, reject) => {
        waiting.push({ row, resolve, reject })
        queueMicrotask(pump)
      })
  }
  const perform =
    (start: (row: Row) => Promise<unknown>, advance: (row: Row) => Promise<unknown>) => async () => {
      const id = randomUUID()
      await start([id, 0, snapshot(0)])
      for (let version = 0; version < steps; version += 1) await advance([id, version, snapshot(version)])
    }
  return {
    performGrouped: perform(grouped(insert), grouped(step)),
    performSingle: perform(
      (row) => insert([row]),
      (row) => step([row]),
    ),
    analyze: () => pool.query('analyze'),
    close: () => pool.end(),
  }
}
