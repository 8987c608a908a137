import type { Executor } from '../../store/database.ts'
import { type EpochRecord, recordHeartbeat, removeLimitProcess } from '../../store/rate-limit/epochs.ts'

/**
 * An **epoch** is a time in which one store keeps the limits. The processes agree on it in Postgres, without which none of them
 * works anyway. In one epoch a Redis server, identified by its run id, keeps all limits. In another a process cannot reach it, and
 * each process keeps its share of every limit in memory. Shares are assigned once, when the epoch begins; a process that starts
 * later has none until the next assignment.
 *
 * No window exceeds its limit when the epoch changes, for three reasons:
 *
 * 1. A process acts in an epoch for at most one lease after it *sent* the heartbeat that confirmed it. So no process acts in an epoch
 *    later than one lease after the next one has begun.
 * 2. In a new epoch a window begins full: nothing is granted until a lease and the window's span have passed since it began,
 *    which is a span after the last grant of the previous one (`exclusiveForMs`). A bucket is empty at the end of the lease.
 * 3. A restarted server has another run id, and every script checks it first. Data that a server lost belongs to an epoch that is
 *    over.
 *
 * All processes change together, even if only one of them lost Redis, so nothing is granted twice. The price is a pause of a
 * lease and a span at each change; no state has to be handed over.
 */
export interface Epoch extends EpochRecord {
  /** For how long only this epoch has granted anything, in milliseconds; negative while the previous one still can. */
  exclusiveForMs(): number
}

export interface EpochTracker {
  /** The epoch that this process may act in; null while none is confirmed. */
  current(): Epoch | null
  lastKnown(): Epoch | null
  stop(): Promise<void>
}

export interface EpochTrackerOptions {
  readonly db: Executor
  readonly processId: string
  /** The run id of the Redis server that this process reaches; null for none. */
  readonly reachableServer: () => Promise<string | null>
  readonly leaseMs: number
  readonly onError: (error: unknown) => void
}

/** Sends a heartbeat four times a lease. Resolves after the first one; rejects if the database is unavailable. */
export async function startEpochTracker(options: EpochTrackerOptions): Promise<EpochTracker> {
  const { db, processId, reachableServer, leaseMs, onError } = options
  let known: { readonly epoch: Epoch; readonly until: number } | null = null
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let pending: Promise<void> = Promise.resolve()

  const heartbeat = async () => {
    const server = await reachableServer()
    const sentAt = performance.now()
    const record = await recordHeartbeat(db, processId, server, leaseMs)
    const receivedAt = performance.now()
    // The epoch is older than this by the way of the answer. It must not be taken for older than it is.
    const exclusiveForMs = () => record.ageMs + (performance.now() - receivedAt) - leaseMs
    known = { epoch: { ...record, exclusiveForMs }, until: sentAt + leaseMs }
  }
  const scheduleNext = () => {
    if (stopped) return
    timer = setTimeout(() => {
      pending = heartbeat().catch(onError).then(scheduleNext)
    }, leaseMs / 4)
  }
  await heartbeat()
  scheduleNext()

  return {
    current: () => (known && !stopped && performance.now() < known.until ? known.epoch : null),
    lastKnown: () => known?.epoch ?? null,
    async stop() {
      stopped = true
      clearTimeout(timer)
      await pending
      await removeLimitProcess(db, processId)
    },
  }
}
