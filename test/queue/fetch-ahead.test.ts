import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { createBoss } from '../../src/queue/boss.ts'
import { FairWorker } from '../../src/queue/fair-worker.ts'
import { queues } from '../../src/queue/queue-settings.ts'
import type { QueuedWork } from '../../src/queue/queued-work.ts'
import { queueWakeUps } from '../../src/queue/wake.ts'
import { createTestDatabase } from '../support/database.ts'
import { waitUntil } from '../support/wait.ts'

const database = await createTestDatabase()
const crowd = randomUUID()
const single = randomUUID()
/** As soon as a worker has fetched this much at once, its work gets long. */
const portion = 32

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await database.owner.pool.query('delete from reelpilot_queue.job')
})

type WakeUp = QueuedWork<{ readonly jobId: string }>

async function startBoss() {
  const boss = createBoss({
    url: database.url,
    role: 'reelpilot_runtime',
    name: 'test',
    supervises: true,
    onError: () => undefined,
  })
  await boss.start()
  closing.push(() => boss.stop({ graceful: false }))
  return boss
}

/** Starts a worker with four at once, of which one is reserved. */
function startWorker(boss: Boss, perform: (work: WakeUp) => Promise<void>) {
  const worker = new FairWorker({ boss, queue: queues.wake, concurrency: 4, reserve: () => 1, perform })
  closing.push(() => worker.stop(5_000))
  return worker
}

type Boss = Awaited<ReturnType<typeof startBoss>>

/** Performs work, which is short until a whole portion of it was fetched ahead, and then lasts until `release`. */
function shortThenLong(boss: Boss, onLong: (running: number) => void = () => undefined) {
  const short: WakeUp[] = []
  const long: WakeUp[] = []
  let isLong = false
  const fetch = boss.fetch.bind(boss)
  boss.fetch = (async (...args: Parameters<typeof fetch>) => {
    const fetched = await fetch(...args)
    if (fetched.length >= portion) isLong = true
    return fetched
  }) as typeof boss.fetch
  let release: () => void = () => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const perform = async (work: WakeUp) => {
    if (!isLong) return void short.push(work)
    onLong(long.push(work))
    await released
  }
  closing.push(async () => release())
  return { short, long, perform, release: () => release() }
}

async function queueWork(boss: Boss, organizationId: string, count: number) {
  const wakeUps = Array.from({ length: count }, () => ({ jobId: randomUUID(), organizationId, reason: 1 }))
  await queueWakeUps(boss, wakeUps)
  return wakeUps.map(({ jobId }) => jobId)
}

interface QueueRow {
  readonly jobId: string
  readonly state: string
  readonly retryCount: number
  readonly isStarted: boolean
}

async function rows(): Promise<readonly QueueRow[]> {
  const { rows: found } = await database.owner.pool.query(
    `select data->>'jobId' as "jobId", state::text, retry_count as "retryCount", started_on is not null as "isStarted"
       from reelpilot_queue.job where name = $1`,
    [queues.wake],
  )
  return found
}
const activeRows = async () => (await rows()).filter(({ state }) => state === 'active')

describe('work that was fetched ahead', () => {
  it('does not delay the work of another organization, and goes back when the work before it gets long', async () => {
    const boss = await startBoss()
    await queueWork(boss, crowd, 1_000)
    const { short, long, perform } = shortThenLong(boss)
    startWorker(boss, perform)
    await waitUntil(
      () => long.length,
      (length) => length === 3,
    )
    await queueWork(boss, single, 1)
    await waitUntil(
      () => long.length,
      (length) => length === 4,
    )
    // It took the reserved slot, although work of the crowd was fetched before.
    expect(long.map(({ groupId }) => groupId)).toEqual([crowd, crowd, crowd, single])

    await waitUntil(activeRows, (active) => active.length === 4)
    const returned = (await rows()).filter(({ state }) => state === 'created')
    expect(returned).toHaveLength(1_001 - short.length - 4)
    expect(returned.filter(({ retryCount, isStarted }) => retryCount > 0 || isStarted)).toEqual([])

    // Another process performs it, at its first attempt.
    const others: WakeUp[] = []
    startWorker(await startBoss(), async (work) => void others.push(work))
    await waitUntil(
      () => others.length,
      (length) => length === returned.length,
    )
    expect(others.filter(({ retryCount }) => retryCount > 0)).toEqual([])
    expect(new Set([...short, ...long, ...others].map(({ id }) => id)).size).toBe(1_001)
  })

  it('goes back at once when its process drains, as if it had never been fetched', async () => {
    const boss = await startBoss()
    await queueWork(boss, crowd, 500)
    // A drain stops the timer that returns what waits for long.
    const { short, long, perform } = shortThenLong(boss, (running) => running === 3 && worker.drain())
    const worker = startWorker(boss, perform)
    await waitUntil(
      () => long.length,
      (length) => length === 3,
    )
    await waitUntil(activeRows, (active) => active.length === 3)
    const left = (await rows()).filter(({ state }) => state === 'created')
    expect(left).toHaveLength(500 - short.length - 3)
    expect(left.filter(({ retryCount, isStarted }) => retryCount > 0 || isStarted)).toEqual([])
  })

  it('is left alone on its return if the queue has given it to another process', async () => {
    const boss = await startBoss()
    await queueWork(boss, crowd, 500)
    const { long, perform, release } = shortThenLong(boss)
    const worker = startWorker(boss, perform)
    await waitUntil(
      () => long.length,
      (length) => length === 3,
    )
    // As if this process had been frozen: the queue gave up its attempts, and another process made the next ones.
    const stolen = await database.owner.pool.query(
      `update reelpilot_queue.job set retry_count = 1, heartbeat_on = now() + interval '1 hour' where state = 'active'`,
    )
    release()
    await worker.stop(5_000)
    const active = await activeRows()
    expect(active.filter(({ retryCount }) => retryCount === 1)).toHaveLength(stolen.rowCount ?? 0)
  })

  it('is redelivered after its process was killed, and none of it is lost', async () => {
    const boss = await startBoss()
    const ids = await queueWork(boss, crowd, 500)
    const file = fileURLToPath(new URL('./hoarding-worker.ts', import.meta.url))
    const child = spawn(process.execPath, [file, database.url, String(portion)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const started: string[] = []
    createInterface({ input: child.stdout }).on('line', (jobId) => started.push(jobId))
    const [, signal] = await once(child, 'close')
    expect(signal).toBe('SIGKILL')
    const held = (await activeRows()).map(({ jobId }) => jobId)
    const hoarded = held.filter((jobId) => !started.includes(jobId))
    expect(hoarded.length).toBeGreaterThanOrEqual(portion - 4)

    // As if its heartbeats had been missed.
    await database.owner.pool.query(
      `update reelpilot_queue.job set heartbeat_on = now() - interval '1 minute' where state = 'active'`,
    )
    const performed: string[] = []
    startWorker(boss, async ({ data }) => void performed.push(data.jobId))
    await waitUntil(rows, (all) => all.every(({ state }) => state === 'completed'))
    expect(new Set([...started, ...performed])).toEqual(new Set(ids))
    expect(performed.filter((jobId) => hoarded.includes(jobId)).sort()).toEqual(hoarded.sort())
  })
})
