import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { PgBoss } from 'pg-boss'
import { FairWorker } from '../../src/queue/fair-worker.ts'
import { queues } from '../../src/queue/queue-settings.ts'
import { queueWakeUps } from '../../src/queue/wake.ts'
import { startWakeWorker } from '../../src/queue/wake-worker.ts'
import { createToyProcess } from '../support/toy-runtime.ts'
import type { BenchDatabase } from './bench-database.ts'
import type { Row } from './row.ts'

const atOnce = 32

/**
 * Wake-ups from their insertion to the completion of the last, by one process with 32 in flight: by the queue alone, whose work does
 * nothing, and by the wake-up worker, which leases the instance of each. Beside them the minimum: 500 fetched and 500 completed in a
 * statement, in two lanes.
 */
export const drain: Row = {
  name: 'Drain of wake-ups',
  unit: 'wake-ups/s, 10,000 queued',
  better: 'higher',
  goal: 0.4,
  peers: ['graphile-worker concurrency 24', 'pg-boss tuned: batch 500 burst, 2 workers'].map((name) => ({
    name,
    file: 'bench/03-drain.mjs',
    contender: name,
    figure: 'drain jobs/s',
  })),
  async open(database, form) {
    const wakeUps = form === 'quick' ? 4_000 : 10_000
    const options = { supervises: false, renewEveryMs: 2_500, onError: console.error }
    const { boss, runtime, stop } = await createToyProcess(database, options)
    const limit = await openBareQueue(database, wakeUps)
    const monitor = new pg.Client(database.url)
    await monitor.connect()
    const measure = async (worker: { stop(graceMs: number): Promise<void> }) => {
      const rate = await drainRate(boss, database.organizationId, monitor, wakeUps)
      await worker.stop(5_000)
      return rate
    }
    return {
      product: () =>
        measure(
          new FairWorker({
            boss,
            queue: queues.wake,
            concurrency: atOnce,
            reserve: () => 0,
            perform: async () => undefined,
          }),
        ),
      limit: limit.rate,
      others: {
        'with a lease of each instance': async () =>
          measure(
            await startWakeWorker({
              boss,
              db: database.runtime.db,
              runtime,
              concurrency: atOnce,
              onError: console.error,
            }),
          ),
      },
      async close() {
        await stop()
        await monitor.end()
        await limit.close()
      },
    }
  },
}

/** Inserts the wake-ups of instances that do not exist, and waits until the last one is completed. */
async function drainRate(
  boss: PgBoss,
  organizationId: string,
  monitor: pg.Client,
  wakeUps: number,
): Promise<number> {
  const start = performance.now()
  for (let first = 0; first < wakeUps; first += 1_000) {
    const part = Array.from({ length: 1_000 }, () => ({ jobId: randomUUID(), organizationId, reason: 1 }))
    await queueWakeUps(boss, part)
  }
  for (;;) {
    const { rows } = await monitor.query(
      `select exists (select from reelpilot_queue.job where name = '${queues.wake}' and state < 'completed') as "isLeft"`,
    )
    if (!rows[0].isLeft) break
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const rate = wakeUps / ((performance.now() - start) / 1_000)
  await monitor.query(`delete from reelpilot_queue.job where name = '${queues.wake}'`)
  return rate
}

const fetchSome = {
  name: 'fetch',
  text: `update bench_wake set state = 'active', started_at = now()
          where id in (select id from bench_wake where state = 'created' and run_at <= now()
                        order by priority, run_at limit 500 for update skip locked)
        returning id, data`,
}
const completeSome = {
  name: 'complete',
  text: `update bench_wake set state = 'completed', finished_at = now() where id = any($1)`,
}

/** A queue of one table and three statements. */
async function openBareQueue({ url }: BenchDatabase, wakeUps: number) {
  const pool = new pg.Pool({ connectionString: url, max: 3 })
  pool.on('error', console.error)
  await pool.query(`
    create table bench_wake (
      id uuid primary key default gen_random_uuid(), data jsonb, priority int not null default 0, state text not null default 'created',
      run_at timestamptz not null default now(), started_at timestamptz, finished_at timestamptz);
    create index on bench_wake (priority, run_at) where state = 'created'`)
  const rate = async () => {
    let left = wakeUps
    const lane = async () => {
      while (left > 0) {
        const { rows } = await pool.query(fetchSome)
        if (rows.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
        else await pool.query({ ...completeSome, values: [rows.map(({ id }) => id)] })
        left -= rows.length
      }
    }
    const start = performance.now()
    const lanes = [lane(), lane()]
    for (let first = 0; first < wakeUps; first += 1_000) {
      const part = Array.from({ length: 1_000 }, () => ({ jobId: randomUUID() }))
      await pool.query({
        name: 'insert',
        text: 'insert into bench_wake (data) select data from jsonb_array_elements($1::jsonb) data',
        values: [JSON.stringify(part)],
      })
    }
    await Promise.all(lanes)
    const measured = wakeUps / ((performance.now() - start) / 1_000)
    await pool.query('truncate bench_wake')
    return measured
  }
  return { rate, close: () => pool.end() }
}
