import type { PgBoss } from 'pg-boss'
import { drive, type Runtime } from '../durable/drive.ts'
import { isOnlyOrganization } from '../store/breaker/breakers.ts'
import type { Db } from '../store/database.ts'
import { findOverdueInstances } from '../store/job/jobs.ts'
import { FairWorker, type QueuedWork } from './fair-worker.ts'
import { queues } from './queue-settings.ts'
import { queueWakeUps } from './wake.ts'

export interface WorkerOptions {
  readonly boss: PgBoss
  readonly db: Db
  readonly runtime: Runtime
  /** How many jobs this process drives at once. */
  readonly concurrency: number
  readonly onError: (error: unknown, jobId: string) => void
  readonly onSwept?: (jobIds: readonly string[]) => void
  /** How late a wake-up may be before the sweep sends another, and how often it looks. */
  readonly sweep?: { readonly graceSeconds: number; readonly everySeconds: number }
}

export interface Worker {
  /** Takes no more wake-ups, lets jobs in hand come to their next checkpoint, and after the grace gives up waiting. */
  stop(graceMs: number): Promise<void>
}

type WakeUpTaken = QueuedWork<{ readonly jobId: string }>

/** Takes wake-ups from the queue and drives their jobs, until the runtime drains. */
export async function startWakeWorker(options: WorkerOptions): Promise<Worker> {
  const { boss, db, runtime, concurrency, onError } = options
  let isAlone = await isOnlyOrganization(db)
  const worker = new FairWorker({
    boss,
    queue: queues.wake,
    concurrency,
    reserve: () => (isAlone ? 0 : reserveOf(concurrency)),
    perform: (work: WakeUpTaken) => wake(options, work),
  })
  const { graceSeconds, everySeconds } = options.sweep ?? { graceSeconds: 30, everySeconds: 60 }
  const lookAround = async () => {
    await sweep(options, graceSeconds)
    isAlone = await isOnlyOrganization(db)
  }
  const timer = setInterval(() => {
    lookAround().catch((error) => onError(error, 'sweep'))
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
 * A fifth of the places, and at least one, is kept for organizations that have nothing under way: an upload may hold its place
 * for minutes, so places that are free only after a while would be too late for them. An organization that is alone in its
 * installation has all of them.
 */
export function reserveOf(concurrency: number): number {
  return concurrency > 1 ? Math.max(1, Math.floor(concurrency / 5)) : 0
}

async function wake({ boss, runtime, onError }: WorkerOptions, work: WakeUpTaken): Promise<void> {
  const { jobId } = work.data
  const again = { jobId, organizationId: work.groupId ?? null }
  try {
    const end = await drive(runtime, jobId)
    // Whoever holds it may be dead and its lease not yet run out: look again, once for all who ask now.
    if (end === 'leasedElsewhere') {
      const later = Math.ceil(Date.now() / 2_000) * 2_000 + 1_000
      await queueWakeUps(boss, [{ ...again, reason: `leasedElsewhere ${later}`, at: later }])
    }
    // Let go in the middle of its work: the queue must find it for another process.
    if (end === 'drained') await queueWakeUps(boss, [{ ...again, reason: crypto.randomUUID() }])
  } catch (error) {
    onError(error, jobId)
    throw error // The queue tries again, later each time.
  }
}

/** Wakes unfinished jobs that nothing would wake any more. Answers how many it found. */
export async function sweep(
  { boss, db, onSwept }: Pick<WorkerOptions, 'boss' | 'db' | 'onSwept'>,
  graceSeconds: number,
): Promise<number> {
  const overdue = await findOverdueInstances(db, graceSeconds)
  await queueWakeUps(
    boss,
    overdue.map(({ jobId, organizationId, revision, overdueSeconds }) => {
      // After one minute, two, four …: one that is only waiting for its turn, or fails each time, is not piled up.
      const turn = Math.floor(Math.log2(Math.max(1, overdueSeconds / 60)))
      return { jobId, organizationId, reason: `${revision} swept ${turn}` }
    }),
  )
  if (overdue.length > 0) onSwept?.(overdue.map(({ jobId }) => jobId))
  return overdue.length
}
