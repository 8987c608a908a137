import type { PgBoss } from 'pg-boss'
import { drive, type Runtime } from '../durable/drive.ts'
import { isOnlyOrganization } from '../store/breaker/breakers.ts'
import type { Db } from '../store/database.ts'
import { findOverdueInstances } from '../store/job/jobs.ts'
import { FairWorker } from './fair-worker.ts'
import type { QueuedWakeUp, QueueInstanceStore } from './instance-store.ts'
import { queues } from './queue-settings.ts'
import { queueWakeUps } from './wake.ts'

export interface WorkerOptions {
  readonly boss: PgBoss
  readonly db: Db
  readonly runtime: Runtime & { readonly instanceStore: QueueInstanceStore }
  /** How many machine instances this process drives at once. */
  readonly concurrency: number
  readonly onError: (error: unknown, jobId: string) => void
  /** Notifies all workers of queued wake-ups. Without it they are found within a second. */
  readonly notify?: () => void
  readonly onSwept?: (jobIds: readonly string[]) => void
  /** How late a wake-up may be before the sweep queues another, and how often it runs. Default: 30 s and 60 s. */
  readonly sweep?: { readonly graceSeconds: number; readonly everySeconds: number }
}

export interface Worker {
  /** Fetches no more wake-ups, and waits until active instances have reached their next checkpoint, at most for the grace period. */
  stop(graceMs: number): Promise<void>
}

/** Fetches wake-ups from the queue and drives their machine instances, until the runtime drains. */
export async function startWakeWorker(options: WorkerOptions): Promise<Worker> {
  const { boss, db, runtime, concurrency, onError } = options
  let hasOneOrganization = await isOnlyOrganization(db)
  const worker = new FairWorker({
    boss,
    queue: queues.wake,
    concurrency,
    reserve: () => (hasOneOrganization ? 0 : reserveOf(concurrency)),
    fetchToStart: runtime.instanceStore.fetchLeased,
    perform: (work: QueuedWakeUp) => wake(options, work),
  })
  const { graceSeconds, everySeconds } = options.sweep ?? { graceSeconds: 30, everySeconds: 60 }
  const maintain = async () => {
    await sweep(options, graceSeconds)
    hasOneOrganization = await isOnlyOrganization(db)
  }
  const timer = setInterval(() => {
    maintain().catch((error) => onError(error, 'sweep'))
  }, everySeconds * 1_000)
  timer.unref()
  const drain = () => {
    clearInterval(timer)
    worker.drain()
  }
  runtime.draining.addEventListener('abort', drain)
  return {
    stop(graceMs) {
      drain()
      return worker.stop(graceMs)
    },
  }
}

/**
 * Reserves a fifth of the concurrency, and at least one, for organizations without active work: an upload may take minutes, and they
 * would wait for its end. The only organization of an installation uses all of it.
 */
export function reserveOf(concurrency: number): number {
  return concurrency > 1 ? Math.max(1, Math.floor(concurrency / 5)) : 0
}

async function wake({ boss, runtime, onError, notify }: WorkerOptions, work: QueuedWakeUp): Promise<void> {
  const { jobId } = work.data
  const wakeUp = { jobId, organizationId: work.groupId ?? null }
  try {
    const end = await drive(runtime, jobId, work.lease)
    // The worker that leased it may be dead: try again after the lease. The time is rounded, so that several attempts queue one wake-up.
    if (end === 'leasedElsewhere') {
      const later = Math.ceil(Date.now() / 2_000) * 2_000 + 1_000
      await queueWakeUps(boss, [{ ...wakeUp, reason: `leasedElsewhere ${later}`, at: later }])
    }
    // It was released in the middle of its work: another process must continue.
    if (end === 'drained') {
      await queueWakeUps(boss, [{ ...wakeUp, reason: crypto.randomUUID() }])
      notify?.()
    }
  } catch (error) {
    onError(error, jobId)
    throw error // The queue retries with backoff.
  }
}

/** Queues wake-ups for overdue machine instances whose own were lost. Returns how many it found. */
export async function sweep(
  { boss, db, onSwept }: Pick<WorkerOptions, 'boss' | 'db' | 'onSwept'>,
  graceSeconds: number,
): Promise<number> {
  const overdue = await findOverdueInstances(db, graceSeconds)
  await queueWakeUps(
    boss,
    overdue.map(({ jobId, organizationId, revision, overdueSeconds }) => {
      // After one minute, two, four …, so that an instance that waits in the queue, or fails each time, gets few.
      const round = Math.floor(Math.log2(Math.max(1, overdueSeconds / 60)))
      return { jobId, organizationId, reason: `${revision} swept ${round}` }
    }),
  )
  if (overdue.length > 0) onSwept?.(overdue.map(({ jobId }) => jobId))
  return overdue.length
}
