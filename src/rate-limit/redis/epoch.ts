import type { Executor } from '../../store/database.ts'
import { type EpochRecord, recordHeartbeat, removeLimitProcess } from '../../store/rate-limit/epochs.ts'

/**
 * Who keeps the limits where a Redis does: **eras**, agreed on in Postgres, without which no process does any work anyway.
 * In one era a Redis server, known by its run id, keeps all limits; in another it is out of somebody's reach, and each
 * process keeps its share of every limit in its memory. Shares are dealt once, at the beginning; whoever comes later has
 * none until they are dealt again.
 *
 * No window exceeds its limit across the change of eras, for three reasons:
 *
 * 1. A process acts in an era for one lease after it *asked* which era it is, and not longer. So nobody acts in an era
 *    later than one lease after the next one has begun.
 * 2. In a new era a window begins full: nothing gets a place before a lease and the window's span have passed since it
 *    began, which is a span after whatever was granted before (`quietMs`). A bucket begins empty at the end of the lease.
 * 3. A server that was started again has another run id, and every script looks at that before it does anything. So what a
 *    server forgot is of no consequence: it belongs to an era that is over.
 *
 * All processes change together, even if only one of them has lost its way to Redis; so nothing is granted twice. The price
 * is a pause of a lease and a span at each change. Nobody has to be told what was granted before.
 */
export interface Epoch extends EpochRecord {
  /** For how long nothing but this era has granted anything, in milliseconds; negative while another still may. */
  exclusiveForMs(): number
}

export interface EpochTracker {
  /** The era that this process may act in; null while that is not sure. */
  current(): Epoch | null
  /** The last that it knew. */
  lastKnown(): Epoch | null
  stop(): Promise<void>
}

export interface EpochTrackerOptions {
  readonly db: Executor
  readonly processId: string
  /** The run id of the Redis server that this process reaches. */
  readonly reachableServer: () => Promise<string | null>
  readonly leaseMs: number
  readonly onError: (error: unknown) => void
}

/** Asks four times a lease. Answers when it has asked once; throws if the database cannot be asked. */
export async function startEpochTracker(options: EpochTrackerOptions): Promise<EpochTracker> {
  const { db, processId, reachableServer, leaseMs, onError } = options
  let known: { readonly era: Epoch; readonly until: number } | null = null
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let beating: Promise<void> = Promise.resolve()

  const beat = async () => {
    const server = await reachableServer()
    const askedAt = performance.now()
    const record = await recordHeartbeat(db, processId, server, leaseMs)
    const heardAt = performance.now()
    // Older by the way of the answer at least; what counts here is that it is not taken for older than it is.
    const exclusiveForMs = () => record.ageMs + (performance.now() - heardAt) - leaseMs
    known = { era: { ...record, exclusiveForMs }, until: askedAt + leaseMs }
  }
  const next = () => {
    if (stopped) return
    timer = setTimeout(() => {
      beating = beat().catch(onError).then(next)
    }, leaseMs / 4)
  }
  await beat()
  next()

  return {
    current: () => (known && !stopped && performance.now() < known.until ? known.era : null),
    lastKnown: () => known?.era ?? null,
    async stop() {
      stopped = true
      clearTimeout(timer)
      await beating
      await removeLimitProcess(db, processId)
    },
  }
}
