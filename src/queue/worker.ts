import type { PgBoss } from 'pg-boss'
import { drive, type Runtime } from '../durable/drive.ts'
import type { Db } from '../store/database.ts'
import { findOverdueJobs } from '../store/job-store.ts'
import { queues } from './queues.ts'
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

/** Takes wake-ups from the queue and drives their jobs, until the runtime drains. */
export async function startWorker(options: WorkerOptions): Promise<{ stop(): void }> {
  const { boss, runtime, concurrency, onError } = options
  for (let index = 0; index < concurrency; index += 1) {
    const workId: string = await boss.work<{ jobId: string }>(
      queues.wake,
      // Polling is the floor under NOTIFY, and finds what falls due later; pg-boss's default of 30 s starves it.
      { pollingIntervalSeconds: 1, notifyPollingIntervalSeconds: 1, heartbeatRefreshSeconds: 3 },
      async ([wakeUp]) => {
        if (!wakeUp) return
        await wake(options, wakeUp.data.jobId)
        boss.notifyWorker(workId) // There may be more: ask again at once.
      },
    )
  }
  const { graceSeconds, everySeconds } = options.sweep ?? { graceSeconds: 30, everySeconds: 60 }
  const timer = setInterval(() => {
    sweep(options, graceSeconds).catch((error) => onError(error, 'sweep'))
  }, everySeconds * 1_000)
  timer.unref()
  runtime.draining.addEventListener('abort', () => clearInterval(timer))
  return { stop: () => clearInterval(timer) }
}

async function wake({ boss, runtime, onError }: WorkerOptions, jobId: string): Promise<void> {
  try {
    const end = await drive(runtime, jobId)
    // Whoever holds it may be dead and its lease not yet run out: look again, once for all who ask now.
    if (end === 'held') {
      const later = Math.ceil(Date.now() / 2_000) * 2_000 + 1_000
      await queueWakeUps(boss, [{ jobId, reason: `held ${later}`, at: later }])
    }
    // Let go in the middle of its work: the queue must find it for another process.
    if (end === 'drained') await queueWakeUps(boss, [{ jobId, reason: crypto.randomUUID() }])
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
  const overdue = await findOverdueJobs(db, graceSeconds)
  const minute = Math.floor(Date.now() / 60_000)
  await queueWakeUps(
    boss,
    overdue.map(({ jobId, revision }) => ({ jobId, reason: `${revision} swept ${minute}` })),
  )
  if (overdue.length > 0) onSwept?.(overdue.map(({ jobId }) => jobId))
  return overdue.length
}
