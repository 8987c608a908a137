import { randomUUID } from 'node:crypto'
import { batch } from '../../src/durable/batch.ts'
import { initialCheckpoint } from '../../src/durable/decide.ts'
import { drive } from '../../src/durable/drive.ts'
import type { Transition } from '../../src/durable/instance-store.ts'
import { insertInstance } from '../../src/store/job/jobs.ts'
import { commitTransitions } from '../../src/store/job/transitions.ts'
import { toyMachine } from '../support/toy-machine.ts'
import { createToyProcess } from '../support/toy-runtime.ts'
import { type BenchDatabase, inFlight } from './bench-database.ts'
import type { Row } from './row.ts'

const steps = 5
const atOnce = 32

/**
 * Five-step jobs of no-op steps, 32 in flight, driven by the whole runtime (lease, load, decide, commit with event, release), beside the
 * same committed writes with nothing around them, grouped and one by one.
 */
export const transitions: Row = {
  name: 'Durable transitions',
  unit: `transitions/s at ${atOnce} in flight`,
  better: 'higher',
  goal: 0.5,
  async open(database, form) {
    const jobs = form === 'quick' ? 100 : 400
    // As in production, except for the maintenance of the queues, which is not measured.
    const options = { supervises: false, renewEveryMs: 2_500, onError: console.error }
    const { runtime, stop } = await createToyProcess(database, options)
    const commitAlone = (transition: Transition) => commitTransitions(database.runtime.db, [transition])
    const commitGrouped = batch(
      async (group: readonly Transition[]) => (await commitTransitions(database.runtime.db, group)).results,
    )
    return {
      product: async () => rateOf(await insertJobs(database, jobs), (jobId) => drive(runtime, jobId)),
      limit: async () => rateOf(await insertJobs(database, jobs), bareSteps(database, commitGrouped)),
      others: {
        'limit, one by one': async () =>
          rateOf(await insertJobs(database, jobs), bareSteps(database, commitAlone)),
      },
      close: stop,
    }
  },
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

async function insertJobs(database: BenchDatabase, jobs: number): Promise<readonly string[]> {
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
