import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { begin } from '../../src/durable/decide.ts'
import type { Runtime } from '../../src/durable/drive.ts'
import { LeaseKeeper } from '../../src/durable/lease-keeper.ts'
import { createDatabaseClock } from '../../src/durable/ledger.ts'
import { catalogueOf } from '../../src/durable/machine.ts'
import { done } from '../../src/durable/step.ts'
import { createBoss } from '../../src/queue/boss.ts'
import { createLedger } from '../../src/queue/ledger.ts'
import { queueWakeUps } from '../../src/queue/wake.ts'
import { startWorker } from '../../src/queue/worker.ts'
import { appendEvent } from '../../src/store/event-store.ts'
import { insertJob } from '../../src/store/job-store.ts'
import { toyMachine } from '../support/toy-machine.ts'
import { type BenchDatabase, median, round, spread } from './bench-database.ts'

const samples = 100

/**
 * From the start of a job (row, event and wake-up in one transaction) to its first step, in an idle system, beside the
 * least that the same can cost: INSERT + NOTIFY, LISTEN, fetch.
 */
export async function benchStartLatency(database: BenchDatabase): Promise<string[]> {
  const boss = createBoss({
    url: database.url,
    role: 'reelpilot_runtime',
    name: 'bench',
    supervises: true,
    onError: console.error,
  })
  await boss.start()
  const clock = createDatabaseClock()
  const ledger = createLedger({
    db: database.runtime.db,
    boss,
    clock,
    owner: 'bench',
    onCommitted: () => undefined,
  })
  const keeper = new LeaseKeeper(ledger, 2_500, console.error)
  let reached: () => void = () => undefined
  const draining = new AbortController()
  const runtime: Runtime = {
    ledger,
    keeper,
    machines: catalogueOf([toyMachine]),
    steps: {
      runLap: async (input) => {
        reached()
        return done(input)
      },
    },
    clock,
    draining: draining.signal,
  }
  await startWorker({ boss, db: database.runtime.db, runtime, concurrency: 4, onError: console.error })

  const ours: number[] = []
  for (let index = 0; index < samples; index += 1) {
    const firstStep = new Promise<void>((resolve) => {
      reached = resolve
    })
    const start = performance.now()
    await startJob(database, boss)
    await firstStep
    ours.push(performance.now() - start)
    await new Promise((resolve) => setTimeout(resolve, 20)) // Idle again: what is measured is one job, not a stream.
  }
  const least = await bareLatency(database)
  draining.abort()
  keeper.stop()
  await boss.stop({ graceful: false })
  return [
    `startJob to first step, ms                  ${spread(ours)}   ratio ${round(median(ours) / median(least))} (aim: at most 2)`,
    `  bare INSERT + NOTIFY, LISTEN, fetch       ${spread(least)}`,
  ]
}

async function startJob(database: BenchDatabase, boss: Parameters<typeof queueWakeUps>[0]): Promise<void> {
  const jobId = randomUUID()
  const at = Date.now()
  const checkpoint = begin(toyMachine, { laps: 1 }, { at, key: `${jobId}/1`, epoch: null })
  const { organizationId } = database
  await database.runtime.db.transaction().execute(async (tx) => {
    await insertJob(tx, { id: jobId, organizationId, slotId: null, accountId: null, checkpoint, wakeAt: at })
    await queueWakeUps(boss, [{ jobId, reason: 1 }], tx)
    await appendEvent(tx, { organizationId, type: 'job.moved', jobId, jobRevision: 1 })
  })
}

async function bareLatency(database: BenchDatabase): Promise<readonly number[]> {
  const [listener, sender] = [new pg.Client(database.url), new pg.Client(database.url)]
  await Promise.all([listener.connect(), sender.connect()])
  await sender.query(
    'create table bench_queue (id bigint generated always as identity primary key, data jsonb, taken boolean default false)',
  )
  await listener.query('listen bench')
  const taken: number[] = []
  for (let index = 0; index < samples; index += 1) {
    const notified = new Promise((resolve) => listener.once('notification', resolve))
    const start = performance.now()
    await sender.query(
      `with i as (insert into bench_queue (data) values ('{}') returning id) select pg_notify('bench', id::text) from i`,
    )
    await notified
    await listener.query(`update bench_queue set taken = true where id = (
      select id from bench_queue where not taken order by id limit 1 for update skip locked) returning id`)
    taken.push(performance.now() - start)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await Promise.all([listener.end(), sender.end()])
  return taken
}
