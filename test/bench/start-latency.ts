import pg from 'pg'
import { done } from '../../src/durable/step.ts'
import { startWakeWorker } from '../../src/queue/wake-worker.ts'
import { createToyProcess, startToyJob } from '../support/toy-runtime.ts'
import { type BenchDatabase, median, medianAndRange, round } from './bench-database.ts'

const samples = 100

/**
 * Measures the time from the start of a job (row, event and wake-up in one transaction) to its first step in an idle
 * system, beside the minimum: INSERT + NOTIFY, LISTEN, fetch.
 */
export async function benchStartLatency(database: BenchDatabase): Promise<string[]> {
  let reached: () => void = () => undefined
  const { boss, runtime, stop } = await createToyProcess(database, {
    steps: {
      runLap: async (input) => {
        reached()
        return done(input)
      },
    },
    renewEveryMs: 2_500,
    onError: console.error,
  })
  await startWakeWorker({ boss, db: database.runtime.db, runtime, concurrency: 4, onError: console.error })

  const ours: number[] = []
  for (let index = 0; index < samples; index += 1) {
    const firstStep = new Promise<void>((resolve) => {
      reached = resolve
    })
    const start = performance.now()
    await startToyJob(database, boss, database.organizationId, 1)
    await firstStep
    ours.push(performance.now() - start)
    await new Promise((resolve) => setTimeout(resolve, 20)) // The system is idle again before the next job.
  }
  const least = await bareLatency(database)
  await stop()
  return [
    `startJob to first step, ms                  ${medianAndRange(ours)}   ratio ${round(median(ours) / median(least))} (aim: at most 2)`,
    `  bare INSERT + NOTIFY, LISTEN, fetch       ${medianAndRange(least)}`,
  ]
}

async function bareLatency(database: BenchDatabase): Promise<readonly number[]> {
  const [listener, sender] = [new pg.Client(database.url), new pg.Client(database.url)]
  await Promise.all([listener.connect(), sender.connect()])
  await sender.query(
    'create table bench_queue (id bigint generated always as identity primary key, data jsonb, taken boolean default false)',
  )
  await listener.query('listen bench')
  const latenciesMs: number[] = []
  for (let index = 0; index < samples; index += 1) {
    const notified = new Promise((resolve) => listener.once('notification', resolve))
    const start = performance.now()
    await sender.query(
      `with i as (insert into bench_queue (data) values ('{}') returning id) select pg_notify('bench', id::text) from i`,
    )
    await notified
    await listener.query(`update bench_queue set taken = true where id = (
      select id from bench_queue where not taken order by id limit 1 for update skip locked) returning id`)
    latenciesMs.push(performance.now() - start)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await Promise.all([listener.end(), sender.end()])
  return latenciesMs
}
