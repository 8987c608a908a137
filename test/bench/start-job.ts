import pg from 'pg'
import { startJob } from '../../src/commands/job/start-job.ts'
import { jobMachine } from '../../src/definitions/machines.ts'
import { catalogueOf } from '../../src/durable/machine.ts'
import { notDone } from '../../src/durable/step.ts'
import { startWakeWorker } from '../../src/queue/wake-worker.ts'
import { createChangeNotifier } from '../../src/store/event/notify.ts'
import { grantQuota } from '../../src/store/quota/adjustments.ts'
import { runCommand } from '../../src/store/run-command.ts'
import { createDueSlots } from '../support/due-slots.ts'
import { createToyProcess } from '../support/toy-runtime.ts'
import type { BenchDatabase } from './bench-database.ts'
import { figuresOf } from './figures.ts'
import type { Row } from './row.ts'

/**
 * From the start of a slot's job to its first step in an idle system, as the median of one sample after the other, beside the minimum:
 * INSERT + NOTIFY, LISTEN, fetch.
 */
export const startToFirstStep: Row = {
  name: 'start of a job to its first step, one at a time',
  unit: 'ms',
  better: 'lower',
  goal: 2,
  peers: [
    'graphile-worker (LISTEN)',
    'pg-boss useListenNotify + queue.notify',
    'BullMQ redis fsync always',
  ].map((name) => ({ name, file: 'bench/04-latency.mjs', contender: name, figure: 'p50 ms' })),
  async open(database, form) {
    const samples = form === 'quick' ? 30 : 100
    const { organizationId, runtime } = database
    for (const metric of ['videos', 'seconds'] as const)
      await grantQuota(runtime.db, organizationId, { metric, amount: 1_000_000 }, null)
    await createDueSlots(runtime, organizationId, 10 * samples)
    const slots = await runtime.db.selectFrom('slot').select('id').execute()

    let reached: () => void = () => undefined
    const machines = catalogueOf([jobMachine])
    const toy = await createToyProcess(database, {
      machines,
      steps: {
        openJob: async () => {
          reached()
          const failure = { verdict: 'NEEDS_OPERATOR', code: 'BENCH', message: 'The first step is enough.' }
          return notDone({ kind: 'needsPerson', failure })
        },
      },
      renewEveryMs: 2_500,
      onError: console.error,
    })
    const worker = {
      boss: toy.boss,
      db: runtime.db,
      runtime: toy.runtime,
      concurrency: 4,
      onError: console.error,
    }
    await startWakeWorker(worker)
    const notifier = createChangeNotifier(runtime)
    const startNext = async () => {
      const slot = slots.pop()
      if (!slot) throw new Error('there are too few slots')
      const firstStep = new Promise<void>((resolve) => {
        reached = resolve
      })
      const request = { organizationId, slotId: slot.id }
      await runCommand(runtime.db, notifier, (tx) => startJob(tx, { boss: toy.boss, machines }, request))
      await firstStep
    }
    const bare = await openBare(database)
    return {
      product: () => medianOf(samples, startNext),
      limit: () => medianOf(samples, bare.once),
      close: async () => {
        await bare.close()
        await toy.stop()
        await notifier.close()
      },
    }
  },
}

async function medianOf(samples: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let index = 0; index < samples; index += 1) {
    const start = performance.now()
    await work()
    times.push(performance.now() - start)
    await new Promise((resolve) => setTimeout(resolve, 20)) // The system is idle again before the next one.
  }
  return figuresOf(times).median
}

async function openBare(database: BenchDatabase) {
  const [listener, sender] = [new pg.Client(database.url), new pg.Client(database.url)]
  await Promise.all([listener.connect(), sender.connect()])
  await sender.query(
    'create table bench_queue (id bigint generated always as identity primary key, data jsonb, taken boolean default false)',
  )
  await listener.query('listen bench')
  return {
    async once() {
      const notified = new Promise((resolve) => listener.once('notification', resolve))
      await sender.query(
        `with i as (insert into bench_queue (data) values ('{}') returning id) select pg_notify('bench', id::text) from i`,
      )
      await notified
      await listener.query(`update bench_queue set taken = true where id = (
        select id from bench_queue where not taken order by id limit 1 for update skip locked) returning id`)
    },
    close: () => Promise.all([listener.end(), sender.end()]),
  }
}
