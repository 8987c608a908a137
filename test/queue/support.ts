import { randomUUID } from 'node:crypto'
import { afterEach } from 'vitest'
import { startWorkerRole } from '../../src/app/worker.ts'
import type { TimeZoneData } from '../../src/commands/plan/wall-time.ts'
import { initialCheckpoint } from '../../src/durable/decide.ts'
import { catalogueOf, type DurableMachine } from '../../src/durable/machine.ts'
import { done, type StepCatalogue } from '../../src/durable/step.ts'
import { createLogger } from '../../src/logger.ts'
import { installQueues } from '../../src/queue/install-queues.ts'
import type { RetryPolicy } from '../../src/queue/queue-settings.ts'
import { queueWakeUps } from '../../src/queue/wake.ts'
import { insertInstance } from '../../src/store/job/jobs.ts'
import type { TestDatabase } from '../support/database.ts'
import { toyMachine } from '../support/toy-machine.ts'
import type { ToyProcess } from '../support/toy-runtime.ts'

/** Two attempts without a delay, instead of half an hour of retries. */
export const briefRetryPolicy: RetryPolicy = {
  retryLimit: 1,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 0,
}

export async function shortenQueueRetries({ url, owner }: TestDatabase): Promise<void> {
  await installQueues(url, owner, briefRetryPolicy)
}

export interface RoleOptions {
  readonly machines?: readonly DurableMachine[]
  readonly steps?: StepCatalogue
  /** 0: it drives no jobs, but maintains the queues and handles dead letters. */
  readonly concurrency?: number
  readonly zones?: TimeZoneData
}

/** Starts the production worker role with the test's machines and steps. It is stopped after the test. */
export function roleStarter({ url, runtime }: TestDatabase) {
  const started: { stop(): Promise<void> }[] = []
  afterEach(async () => {
    for (const role of started.splice(0)) await role.stop()
  })
  return async ({ machines = [toyMachine], steps, concurrency = 2, zones }: RoleOptions = {}) => {
    const role = await startWorkerRole({
      databaseUrl: url,
      runtime,
      machines: catalogueOf(machines),
      steps: () => steps ?? { runLap: async (input) => done(input) },
      concurrency,
      ...(zones && { zones }),
      log: createLogger('silent', false),
    })
    let isStopped = false
    const stop = async () => {
      if (isStopped) return
      isStopped = true
      await role.stop()
    }
    started.push({ stop })
    return { stop }
  }
}

/** Inserts many toy jobs of one organization, each with its wake-up. */
export async function floodWithJobs(
  { runtime }: TestDatabase,
  { boss }: Pick<ToyProcess, 'boss'>,
  organizationId: string,
  count: number,
): Promise<readonly string[]> {
  const at = Date.now()
  const ids = Array.from({ length: count }, () => randomUUID())
  await runtime.db.transaction().execute(async (tx) => {
    for (const id of ids) {
      const checkpoint = initialCheckpoint(toyMachine, { laps: 1 }, { at, key: `${id}/1`, epoch: null })
      await insertInstance(tx, { id, organizationId, slotId: null, accountId: null, checkpoint, wakeAt: at })
    }
    await queueWakeUps(
      boss,
      ids.map((jobId) => ({ jobId, organizationId, reason: 1 })),
      tx,
    )
  })
  return ids
}
