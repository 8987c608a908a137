import { randomUUID } from 'node:crypto'
import type { PgBoss } from 'pg-boss'
import { wakeAtOf } from '../../src/durable/checkpoint.ts'
import { initialCheckpoint } from '../../src/durable/decide.ts'
import type { Runtime } from '../../src/durable/drive.ts'
import { createDatabaseClock, type Transition } from '../../src/durable/instance-store.ts'
import { LeaseKeeper } from '../../src/durable/lease-keeper.ts'
import { catalogueOf } from '../../src/durable/machine.ts'
import { done, type StepCatalogue } from '../../src/durable/step.ts'
import { createBoss } from '../../src/queue/boss.ts'
import { createInstanceStore, type QueueInstanceStore } from '../../src/queue/instance-store.ts'
import { notifyQueue } from '../../src/queue/notify.ts'
import { wakeUpInsert } from '../../src/queue/wake.ts'
import type { Connection } from '../../src/store/database.ts'
import { createChangeNotifier, listenForChanges } from '../../src/store/event/notify.ts'
import { insertStarted } from '../../src/store/job/new-jobs.ts'
import { runCommand } from '../../src/store/run-command.ts'
import type { TestDatabase } from './database.ts'
import { toyMachine } from './toy-machine.ts'

/** A process that can run the toy machine: its own lease owner, queue connection and clock. */
export interface ToyProcess {
  readonly boss: PgBoss
  readonly runtime: Runtime & { readonly instanceStore: QueueInstanceStore }
  drain(): void
  stop(): Promise<void>
}

/** The part of a test's or a benchmark's database that a process uses. */
type ToyDatabase = Pick<TestDatabase, 'url' | 'runtime'>

export async function createToyProcess(
  database: ToyDatabase,
  options: {
    readonly steps?: StepCatalogue
    readonly onBoundary?: Runtime['onBoundary']
    readonly machines?: Runtime['machines']
    /** Whether it maintains the queues, as a worker does. Default: true. */
    readonly supervises?: boolean
    /** Milliseconds between lease renewals. Default: 500, shorter than in production, because tests wait for renewals. */
    readonly renewEveryMs?: number
    readonly onError?: (error: unknown) => void
    readonly onCommitted?: (transitions: readonly Transition[]) => void
  } = {},
): Promise<ToyProcess> {
  const onError = options.onError ?? (() => undefined)
  const boss = createBoss({
    url: database.url,
    role: 'reelpilot_runtime',
    name: 'toy',
    supervises: options.supervises ?? true,
    onError,
  })
  await boss.start()
  const clock = createDatabaseClock()
  const instanceStore = createInstanceStore({
    db: database.runtime.db,
    boss,
    clock,
    owner: `toy-${randomUUID()}`,
    onCommitted: options.onCommitted ?? (() => undefined),
  })
  const listener = await listenForChanges(database.url, {
    onChange: ({ queues = [] }) => {
      for (const queue of queues) notifyQueue(boss, queue)
    },
    onGap: () => undefined,
    onError,
  })
  const draining = new AbortController()
  const keeper = new LeaseKeeper(instanceStore, options.renewEveryMs ?? 500, onError)
  const runtime = {
    instanceStore,
    keeper,
    machines: options.machines ?? catalogueOf([toyMachine]),
    steps: options.steps ?? { runLap: async (input) => done(input) },
    clock,
    draining: draining.signal,
    ...(options.onBoundary && { onBoundary: options.onBoundary }),
  }
  return {
    boss,
    runtime,
    drain: () => draining.abort(),
    async stop() {
      draining.abort()
      keeper.stop()
      await listener.close()
      await boss.stop({ graceful: false })
    },
  }
}

const notifiers = new WeakMap<Connection, ReturnType<typeof createChangeNotifier>>()

function notifierOf(connection: Connection) {
  const notifier = notifiers.get(connection) ?? createChangeNotifier(connection)
  notifiers.set(connection, notifier)
  return notifier
}

/** Starts a toy job as a command would: row, event and wake-up in one transaction. */
export async function startToyJob(
  database: ToyDatabase,
  boss: PgBoss,
  organizationId: string,
  laps = 3,
  jobId: string = randomUUID(),
): Promise<string> {
  await startToyJobs(database, boss, organizationId, laps, [jobId])
  return jobId
}

/** Starts many as a scan would: all rows, events and wake-ups in one statement. */
export async function startToyJobs(
  database: ToyDatabase,
  boss: PgBoss,
  organizationId: string,
  laps: number,
  jobIds: readonly string[],
): Promise<void> {
  const at = Date.now()
  const instances = jobIds.map((id) => {
    const checkpoint = initialCheckpoint(toyMachine, { laps }, { at, key: `${id}/1`, epoch: null })
    return { id, organizationId, slotId: null, accountId: null, checkpoint, wakeAt: wakeAtOf(checkpoint, at) }
  })
  const wakeUps = jobIds.map((jobId) => ({ jobId, organizationId, reason: 1 }))
  const events = jobIds.map((jobId) => ({ organizationId, type: 'job.transitioned', jobId, jobRevision: 1 }))
  await runCommand(database.runtime.db, notifierOf(database.runtime), async (tx) =>
    insertStarted(tx, organizationId, { instances, wakeUps: await wakeUpInsert(boss, wakeUps, tx), events }),
  )
}
