import { afterEach, describe, expect, it } from 'vitest'
import { done, type Step } from '../../src/durable/step.ts'
import { reserveOf, startWakeWorker, type Worker } from '../../src/queue/wake-worker.ts'
import { createOrganization, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createToyProcess, startToyJob } from '../support/toy-runtime.ts'
import { waitUntil } from '../support/wait.ts'
import { floodWithJobs } from './support.ts'

const shared = await createTestDatabase()
const [crowd, mob, single] = [
  await createOrganization(shared, 'Crowd'),
  await createOrganization(shared, 'Mob'),
  await createOrganization(shared, 'Single'),
]
const separate = await createTestDatabase()
const only = await createOrganization(separate, 'Only')

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  for (const { owner } of [shared, separate])
    await owner.pool.query('delete from reelpilot_queue.job where name = $1', ['job-wake'])
})

/**
 * Starts worker processes. `begun` lists the organizations of the steps in the order of their beginning. A step ends only by
 * `end`, which ends the organization's next step in that order.
 */
async function startWorkers(database: TestDatabase, processes: number, concurrency: number) {
  const begun: string[] = []
  const ends = new Map<string, (() => void)[]>()
  let isOver = false
  const step: Step = async (input, { organizationId }) => {
    begun.push(organizationId)
    await new Promise<void>((resolve) => {
      if (isOver) resolve()
      else ends.set(organizationId, [...(ends.get(organizationId) ?? []), resolve])
    })
    return done(input)
  }
  const workers: Worker[] = []
  const starting = Array.from({ length: processes }, async () => {
    const onError = () => undefined
    const { boss, runtime, stop } = await createToyProcess(database, { steps: { runLap: step } })
    const worker = await startWakeWorker({ boss, db: database.runtime.db, runtime, concurrency, onError })
    workers.push(worker)
    closing.push(async () => {
      isOver = true
      for (const end of [...ends.values()].flat()) end()
      await worker.stop(10_000)
      await stop()
    })
    return boss
  })
  const [boss] = await Promise.all(starting)
  if (!boss) throw new Error('there is no worker')
  const untilBegun = (count: number) =>
    waitUntil(
      () => begun.length,
      (length) => length >= count,
    )
  return { begun, untilBegun, boss, workers, end: (of: string) => ends.get(of)?.shift()?.() }
}

const count = (begun: readonly string[], of: string) => begun.filter((each) => each === of).length

describe('the concurrency of workers', () => {
  it.each([
    [1, 5],
    [2, 4],
  ])(
    'leaves room for another organization while a thousand jobs of one wait: %i process(es) of %i',
    async (processes, concurrency) => {
      const { begun, untilBegun, boss } = await startWorkers(shared, processes, concurrency)
      await floodWithJobs(shared, { boss }, crowd, 1_000)
      const slots = processes * (concurrency - reserveOf(concurrency))
      await untilBegun(slots)
      await startToyJob(shared, boss, single, 1)
      await untilBegun(slots + 1)
      // The other organization's job began before another one of the thousand, although no job has ended.
      expect(begun).toEqual([...Array(slots).fill(crowd), single])
    },
  )

  it('is reserved for a third organization while two others have a backlog, and goes to it first', async () => {
    const { begun, untilBegun, boss, end } = await startWorkers(shared, 1, 10)
    await floodWithJobs(shared, { boss }, crowd, 50)
    await untilBegun(8)
    await floodWithJobs(shared, { boss }, mob, 50)
    await untilBegun(9)
    await startToyJob(shared, boss, single, 1)
    await untilBegun(10)
    expect(begun).toEqual([...Array(8).fill(crowd), mob, single])

    // All slots are used. The next free one goes to an organization without any, before older jobs of the others.
    const newcomer = await createOrganization(shared, 'Newcomer')
    await startToyJob(shared, boss, newcomer, 1)
    end(crowd)
    await untilBegun(11)
    expect(begun.at(-1)).toBe(newcomer)
  })

  it('is shared by the organizations with a backlog', async () => {
    const { begun, untilBegun, boss } = await startWorkers(shared, 1, 4)
    await floodWithJobs(shared, { boss }, crowd, 50)
    await untilBegun(3)
    await floodWithJobs(shared, { boss }, mob, 50)
    await untilBegun(4)
    expect([count(begun, crowd), count(begun, mob)]).toEqual([3, 1])
  })

  it('is used completely by the only organization', async () => {
    const { untilBegun, boss } = await startWorkers(separate, 1, 3)
    await floodWithJobs(separate, { boss }, only, 10)
    await untilBegun(3)
  })
})

describe('an active wake-up', () => {
  const rows = async (state: string) => {
    const { rows: found } = await separate.owner.pool.query(
      `select heartbeat_on > started_on as "hasBeaten", retry_count as "retryCount" from reelpilot_queue.job
        where name = 'job-wake' and state = $1`,
      [state],
    )
    return found
  }

  it('sends heartbeats until it is done, and is completed then', async () => {
    const { untilBegun, boss, end } = await startWorkers(separate, 1, 2)
    await startToyJob(separate, boss, only, 1)
    await untilBegun(1)
    await waitUntil(
      () => rows('active'),
      ([row]) => row?.hasBeaten === true,
    )
    end(only)
    await waitUntil(
      () => rows('completed'),
      (completed) => completed.length === 1,
    )
  })

  it('is returned to the queue if its process ends first', async () => {
    const { untilBegun, boss, workers } = await startWorkers(separate, 1, 2)
    await startToyJob(separate, boss, only, 1)
    await untilBegun(1)
    await workers[0]?.stop(0)
    expect(await rows('active')).toEqual([])
    expect(await rows('retry')).toEqual([{ hasBeaten: null, retryCount: 0 }])
  })
})
