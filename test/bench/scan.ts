import { randomUUID } from 'node:crypto'
import { setTimeout as later } from 'node:timers/promises'
import pg from 'pg'
import { scanInChunks } from '../../src/commands/plan/scan.ts'
import { jobMachine } from '../../src/definitions/machines.ts'
import { initialCheckpoint } from '../../src/durable/decide.ts'
import { catalogueOf } from '../../src/durable/machine.ts'
import { grantQuota } from '../../src/store/quota/adjustments.ts'
import { insertOrganization } from '../../src/store/tenant/organizations.ts'
import { createDueSlots } from '../support/due-slots.ts'
import { toyMachine } from '../support/toy-machine.ts'
import { createToyProcess, startToyJob, type ToyProcess } from '../support/toy-runtime.ts'
import type { BenchDatabase } from './bench-database.ts'
import type { Row } from './row.ts'

const sizes = { full: { slots: 1_000_000, due: 10_000 }, quick: { slots: 50_000, due: 2_000 } }

/**
 * A scan of an organization of which one slot in a hundred is due, beside one bare row for each due slot. While it runs, this and another
 * organization commit transitions all the time.
 */
export const scan: Row = {
  name: 'scan of a million slots, ten thousand of them due',
  unit: 'ms',
  better: 'lower',
  goal: 23, // Three seconds where the limit takes 130 ms.
  async open(database, form) {
    const { slots, due } = sizes[form]
    const scanner = await createScanner(database)
    const [scanned, other] = [await scanner.organization(), await scanner.organization()]
    await createDueSlots(database.runtime, scanned, 0, slots)
    const bare = await openBare(database, slots)
    const last = { ofOther: Number.NaN, ofSame: Number.NaN, grown: Number.NaN }
    return {
      product: async () => {
        await createDueSlots(database.runtime, scanned, due)
        const memory = watchMemory()
        const probes = [other, scanned].map((id) => probeCommits(database, scanner.process, id))
        const commits = await Promise.all(probes)
        const took = await msOf(async () => {
          const { startedJobs } = await scanner.scan(scanned)
          if (startedJobs !== due) throw new Error(`${startedJobs} of ${due} jobs were started`)
        })
        last.grown = memory.stop()
        const [ofOther, ofSame] = await Promise.all(commits.map((probe) => probe.stop()))
        Object.assign(last, { ofOther, ofSame })
        return took
      },
      limit: async () => {
        await bare.addDue(due)
        return await msOf(bare.scan)
      },
      others: {
        'longest commit of another organization': async () => last.ofOther,
        'longest commit of the same organization': async () => last.ofSame,
        'memory growth, MB': async () => last.grown,
      },
      close: async () => {
        await bare.close()
        await scanner.process.stop()
      },
    }
  },
}

/** A scan with nothing due, beside the bare query and row. */
export const scanNothing: Row = {
  name: 'scan with nothing due',
  unit: 'ms',
  better: 'lower',
  goal: 8, // Two milliseconds where the limit takes a quarter of one.
  async open(database) {
    const scanner = await createScanner(database)
    const idle = await scanner.organization()
    await createDueSlots(database.runtime, idle, 0, 1_000)
    const bare = await openBare(database, 1_000)
    const medianOf = async (work: () => Promise<unknown>) => {
      const times: number[] = []
      for (let sample = 0; sample < 100; sample += 1) times.push(await msOf(work))
      return times.toSorted((a, b) => a - b)[50] ?? Number.NaN
    }
    return {
      product: () => medianOf(() => scanner.scan(idle)),
      limit: () => medianOf(bare.scanNothing),
      close: async () => {
        await bare.close()
        await scanner.process.stop()
      },
    }
  },
}

async function createScanner(database: BenchDatabase) {
  const { db } = database.runtime
  const process = await createToyProcess(database, { supervises: false, onError: console.error })
  const deps = { boss: process.boss, machines: catalogueOf([jobMachine]) }
  return {
    process,
    scan: (organizationId: string) =>
      scanInChunks(db, deps, { send: () => undefined }, { organizationId, reason: 'hourly' }),
    async organization() {
      const id = randomUUID()
      await insertOrganization(db, { id, name: 'Scan' })
      for (const metric of ['videos', 'seconds'] as const)
        await grantQuota(db, id, { metric, amount: 10_000_000 }, null)
      return id
    },
  }
}

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** `stop` returns by how many MB this process grew at most. */
function watchMemory(): { stop(): number } {
  const before = process.memoryUsage.rss()
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 20)
  return {
    stop() {
      clearInterval(timer)
      return (peak - before) / 1_048_576
    },
  }
}

/** Commits transitions of an organization all the time. `stop` returns how long the slowest took, in milliseconds. */
async function probeCommits(
  database: BenchDatabase,
  { boss, runtime }: ToyProcess,
  organizationId: string,
): Promise<{ stop(): Promise<number> }> {
  const jobId = await startToyJob(database, boss, organizationId)
  let isOver = false
  const probing = (async () => {
    let slowest = 0
    for (let revision = 1; !isOver; revision += 1) {
      const facts = { at: Date.now(), key: `${jobId}/${revision + 1}`, epoch: null }
      const next = initialCheckpoint(toyMachine, { laps: 3 }, facts)
      const transition = { from: 'running', event: 'note', next, wakeAt: Date.now(), release: false }
      const start = performance.now()
      await runtime.instanceStore.commit({
        jobId,
        organizationId,
        expectedRevision: revision,
        epoch: null,
        ...transition,
      })
      slowest = Math.max(slowest, performance.now() - start)
      await later(2)
    }
    return slowest
  })()
  return {
    stop() {
      isOver = true
      return probing
    },
  }
}

/** The least that a scan can be: one table of slots with an index, one row for each due slot. */
async function openBare(database: BenchDatabase, slots: number) {
  const client = new pg.Client(database.url)
  await client.connect()
  await client.query(`
    create table bench_slot (id uuid primary key default gen_random_uuid(), due_at timestamptz not null, data jsonb);
    create index on bench_slot (due_at);
    create table bench_slot_job (slot_id uuid primary key, state text not null, created_at timestamptz default now());
    create table bench_scan (id uuid primary key default gen_random_uuid(), at timestamptz default now())`)
  const add = (count: number, from: string) =>
    client.query(
      `insert into bench_slot (due_at, data)
       select now() + $2::interval + n * interval '1 second', '{}' from generate_series(1, $1::int) as n`,
      [count, from],
    )
  await add(slots, '30 days')
  return {
    async addDue(due: number) {
      await client.query('delete from bench_slot using bench_slot_job where slot_id = id')
      await add(due, '0')
    },
    scan: () =>
      client.query(`insert into bench_slot_job (slot_id, state)
        select id, 'queued' from bench_slot where due_at < now() + interval '1 day' on conflict do nothing`),
    scanNothing: () =>
      client.query({
        name: 'nothing',
        text: `insert into bench_scan (at) select now() where not exists (
                 select from bench_slot where due_at < now() - interval '1 year')`,
      }),
    close: () => client.end(),
  }
}
