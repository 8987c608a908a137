import { randomUUID } from 'node:crypto'
import { batch } from '../../src/durable/batch.ts'
import { initialCheckpoint } from '../../src/durable/decide.ts'
import { drive } from '../../src/durable/drive.ts'
import type { Transition } from '../../src/durable/instance-store.ts'
import { insertInstance } from '../../src/store/job/jobs.ts'
import { commitTransitions } from '../../src/store/job/transitions.ts'
import { toyMachine } from '../support/toy-machine.ts'
import { createToyProcess } from '../support/toy-runtime.ts'
import { type BenchDatabase, inFlight, median, medianAndRange, round } from './bench-database.ts'

const steps = 5
const atOnce = 32
const jobs = 400
const rounds = 5

/**
 * Durable transitions a second: five-step jobs of no-op steps, 32 in flight, driven by the whole runtime (lease, load,
 * decide, commit with event, release), beside the same committed writes by bare pg in the same run.
 */
export async function benchTransitions(database: BenchDatabase): Promise<string[]> {
  // As in production, except for the maintenance of the queues, which is not measured.
  const options = { supervises: false, renewEveryMs: 2_500, onError: console.error }
  const { runtime, stop } = await createToyProcess(database, options)

  const rates = { runtime: [] as number[], single: [] as number[], grouped: [] as number[] }
  for (let index = 0; index <= rounds; index += 1) {
    // The contenders take turns in every round, so that a noisy neighbour hits all of them.
    const measured = {
      runtime: await rateOf(await insertJobs(database), (jobId) => drive(runtime, jobId)),
      single: await rateOf(
        await insertJobs(database),
        bareSteps(database, (transition) => commitTransitions(database.runtime.db, [transition])),
      ),
      grouped: await rateOf(
        await insertJobs(database),
        bareSteps(
          database,
          batch(
            async (transitions: readonly Transition[]) =>
              (await commitTransitions(database.runtime.db, transitions)).results,
          ),
        ),
      ),
    }
    if (index === 0) continue // Warm-up.
    rates.runtime.push(measured.runtime)
    rates.single.push(measured.single)
    rates.grouped.push(measured.grouped)
  }
  await stop()
  const ratio = (other: readonly number[]) => round(median(rates.runtime) / median(other))
  return [
    `durable transitions/s at ${atOnce} in flight     ${medianAndRange(rates.runtime)}`,
    `  the same writes by bare pg, one by one    ${medianAndRange(rates.single)}   ratio ${ratio(rates.single)} (aim: above 1)`,
    `  the same writes by bare pg, grouped       ${medianAndRange(rates.grouped)}   ratio ${ratio(rates.grouped)} (aim: 0.5)`,
  ]
}

async function rateOf(ids: readonly string[], run: (jobId: string) => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await inFlight(ids.length, atOnce, (index) => run(ids[index] ?? ''))
  return (ids.length * steps) / ((performance.now() - start) / 1_000)
}

/** The writes of a job's transitions with nothing around them: no lease, no machine, no decision. */
function bareSteps(database: BenchDatabase, commit: (transition: Transition) => Promise<unknown>) {
  return async (jobId: string) => {
    for (let revision = 1; revision <= steps; revision += 1) {
      const last = revision === steps
      const checkpoint = initialCheckpoint(
        toyMachine,
        { laps: steps },
        { at: 0, key: `${jobId}/${revision}`, epoch: null },
      )
      await commit({
        jobId,
        organizationId: database.organizationId,
        expectedRevision: revision,
        epoch: null,
        from: 'running',
        event: 'lap',
        next: last ? { ...checkpoint, state: 'finished', tag: 'final', step: null } : checkpoint,
        wakeAt: last ? null : Date.now(),
        release: last,
      })
    }
  }
}

async function insertJobs(database: BenchDatabase): Promise<readonly string[]> {
  const ids = Array.from({ length: jobs }, () => randomUUID())
  await inFlight(ids.length, 8, async (index) => {
    const id = ids[index] ?? ''
    const checkpoint = initialCheckpoint(
      toyMachine,
      { laps: steps },
      { at: Date.now(), key: `${id}/1`, epoch: null },
    )
    await insertInstance(database.runtime.db, {
      id,
      organizationId: database.organizationId,
      slotId: null,
      accountId: null,
      checkpoint,
      wakeAt: Date.now(),
    })
  })
  return ids
}
