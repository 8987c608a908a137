import type { FetchOptions, PgBoss } from 'pg-boss'
import { returnUnstarted } from '../store/job/queue-returns.ts'
import { causeOf, workerDied } from './failure-cause.ts'
import { FetchAhead, fetchSize } from './fetch-ahead.ts'
import { onQueueNotification } from './notify.ts'
import type { QueuedWork } from './queued-work.ts'
import { type Attempt, createSettlement } from './settle.ts'
import { WorkBuffer } from './work-buffer.ts'

/** How often a worker polls without a notification. Polling covers lost notifications, and work that falls due later. */
export const pollIntervalMs = 1_000
/** A process sends heartbeats for its work: three of them before the queue misses one. */
const heartbeatIntervalMs = 3_000
/** The most work that waits in this process: a statement that fetches 500 costs little more than one that fetches 50. */
const maxBuffered = 500
/** Work that has waited here for this long, because the work before it got long, goes back to the queue. */
const maxBufferedMs = 500

export interface FairWorkerOptions<Data extends object> {
  readonly boss: PgBoss
  readonly queue: string
  /** Fetches work that starts at once, also if the worker drains meanwhile. Default: it is fetched as other work is. */
  readonly fetchToStart?: (options: FetchOptions) => Promise<readonly QueuedWork<Data>[]>
  /** How many pieces of work this process performs at once. */
  readonly concurrency: number
  /** How much of the concurrency is reserved for groups that have no active work in any process. */
  readonly reserve: () => number
  /** Resolves once the work is done. An error fails the attempt, and the queue retries. */
  readonly perform: (work: QueuedWork<Data>) => Promise<void>
}

/**
 * Works off a queue so that no group waits for the backlog of another. The oldest work comes first, but part of the concurrency is
 * reserved for groups without active work in any process. Of a thousand pieces of one group the last may wait for long; a single piece
 * of another group starts as soon as it is queued.
 *
 * While work is short, more is fetched than can start, and what ended is completed in batches. Long work is never fetched ahead: it
 * would wait here while another process is idle.
 *
 * pg-boss's own `work` has one fetcher per unit of concurrency, and all of them query at each notification and each poll. Two processes
 * with a concurrency of ten made 21 queries per started job; here one fetch serves all free capacity and one statement carries all
 * heartbeats.
 */
export class FairWorker<Data extends object> {
  readonly #options: FairWorkerOptions<Data>
  readonly #settle: (attempt: Attempt, cause: ReturnType<typeof causeOf> | null) => Promise<void>
  /** Fetched and not started. */
  readonly #buffer = new WorkBuffer<QueuedWork<Data>>()
  /** Running work. The same id may be in it twice, if the queue gave it up and handed it to us again. */
  readonly #running = new Set<QueuedWork<Data>>()
  /** Ended work whose end the queue does not know yet. */
  readonly #settling = new Set<QueuedWork<Data>>()
  /** How much running and settling work a group has. */
  readonly #groupSizes = new Map<string, number>()
  readonly #ends = new Set<Promise<void>>()
  readonly #ahead: FetchAhead
  readonly #timers: readonly NodeJS.Timeout[]
  readonly #heartbeat: NodeJS.Timeout
  readonly #unsubscribe: () => void
  #filling: Promise<void> | null = null
  #mustFillAgain = false
  /** False after a fetch found less than it asked for, until a notification or a poll. */
  #moreMayWait = true
  /** False after a fetch for the reserve found nothing, until something happens that may change that. */
  #newGroupMayWait = true
  #isDraining = false

  constructor(options: FairWorkerOptions<Data>) {
    this.#options = options
    this.#ahead = new FetchAhead(options.concurrency, maxBuffered)
    this.#settle = createSettlement(options.boss, options.queue)
    this.#unsubscribe = onQueueNotification(options.boss, options.queue, () => this.poll())
    this.#timers = [
      setInterval(() => this.poll(), pollIntervalMs),
      setInterval(() => this.#returnBuffered(performance.now() - maxBufferedMs), maxBufferedMs / 2),
    ]
    this.#heartbeat = setInterval(() => void this.#sendHeartbeats(), heartbeatIntervalMs)
    this.#heartbeat.unref()
    this.poll()
  }

  /** Fetches work now; if a fetch is running, once more after it. */
  poll(): void {
    this.#moreMayWait = true
    this.#newGroupMayWait = true
    this.#fill()
  }

  /** Stops fetching, and returns what was not started to the queue. Running work continues. */
  drain(): void {
    this.#isDraining = true
    this.#unsubscribe()
    for (const timer of this.#timers) clearInterval(timer)
    this.#returnBuffered(Number.POSITIVE_INFINITY)
  }

  /** Drains, waits for the running work, and returns what is left to the queue after the grace period. */
  async stop(graceMs: number): Promise<void> {
    this.drain()
    let timer: NodeJS.Timeout | undefined
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs)
    })
    await Promise.race([this.#idle(), grace])
    clearTimeout(timer)
    clearInterval(this.#heartbeat)
    const { boss, queue } = this.#options
    const left = [...this.#running].map(attemptOf)
    if (left.length > 0) await boss.fail(queue, left, workerDied).catch(this.#reportError)
  }

  /** Emits on pg-boss, as its own workers do. */
  readonly #reportError = (error: unknown): void => {
    this.#options.boss.emit('error', error instanceof Error ? error : new Error(String(error)))
  }

  async #idle(): Promise<void> {
    await this.#filling
    while (this.#ends.size > 0) await Promise.all(this.#ends)
  }

  #fill(): void {
    this.#mustFillAgain = true
    this.#filling ??= this.#fetchUntilFull()
  }

  async #fetchUntilFull(): Promise<void> {
    while (this.#mustFillAgain) {
      this.#mustFillAgain = false
      try {
        if (await this.#fetch()) this.#mustFillAgain = true
      } catch (error) {
        this.#reportError(error) // The next poll tries again.
      }
    }
    this.#filling = null // In the same tick as the last check of `mustFillAgain`, so that no request is lost in between.
  }

  /** Fetches the oldest work for the free capacity, and for the reserve only work of new groups. Returns whether more may wait. */
  async #fetch(): Promise<boolean> {
    const { boss, queue, concurrency, reserve } = this.#options
    if (this.#isDraining) return false
    const free = concurrency - this.#running.size
    const unreserved = Math.max(0, free - reserve())
    // Behind a backlog, older work of other groups hides new groups.
    const isBacklogged = unreserved === 0 || this.#ahead.isBacklogged
    if (free > 0 && reserve() > 0 && isBacklogged && this.#newGroupMayWait) {
      this.#newGroupMayWait = false
      // One piece of each group without active work in any process. Skipping 1,000 of another group takes 2 to 5 ms, skipping 10,000
      // about 10 ms, so this runs after a notification, not after every completion.
      const fetched = await boss.fetch<Data>(queue, { batchSize: free, groupConcurrency: 1 })
      if (fetched.length > 0) this.#newGroupMayWait = true
      this.#accept(fetched)
      return true
    }
    if (!this.#moreMayWait) return false
    const ahead = this.#roomAhead()
    const wanted = fetchSize(unreserved + ahead)
    if (wanted === 0) return false // The next completion fetches again.
    this.#moreMayWait = false
    // Nothing else can take the free capacity meanwhile, so all of it starts.
    const fetchToStart = ahead === 0 && this.#buffer.size === 0 ? this.#options.fetchToStart : undefined
    const fetched = fetchToStart
      ? await fetchToStart({ batchSize: wanted })
      : await boss.fetch<Data>(queue, { batchSize: wanted })
    this.#ahead.fetched(fetched.length, wanted)
    if (this.#ahead.isBacklogged) this.#moreMayWait = true
    if (fetchToStart) for (const work of fetched) this.#start(work)
    else this.#accept(fetched)
    return this.#ahead.isBacklogged
  }

  #roomAhead(): number {
    return this.#settling.size > maxBuffered ? 0 : Math.max(0, this.#ahead.next() - this.#buffer.size)
  }

  #accept(fetched: readonly QueuedWork<Data>[]): void {
    const now = performance.now()
    for (const work of fetched) this.#buffer.add(work, now)
    if (this.#isDraining) this.#returnBuffered(Number.POSITIVE_INFINITY)
    this.#startBuffered()
  }

  #startBuffered(): void {
    const { concurrency, reserve } = this.#options
    while (this.#buffer.size > 0 && this.#running.size < concurrency) {
      const work =
        this.#running.size < concurrency - reserve()
          ? this.#buffer.takeOldest()
          : this.#buffer.takeOfGroup((groupId) => !this.#groupSizes.has(groupId))
      if (!work) return
      this.#start(work)
    }
  }

  #start(work: QueuedWork<Data>): void {
    this.#running.add(work)
    this.#resizeGroup(work, 1)
    this.#track(this.#perform(work))
  }

  async #perform(work: QueuedWork<Data>): Promise<void> {
    const startedAt = performance.now()
    const cause = await this.#options.perform(work).then(() => null, causeOf)
    this.#ahead.ended(performance.now() - startedAt)
    this.#settling.add(work)
    this.#running.delete(work)
    this.#startBuffered()
    this.#fill()
    try {
      await this.#settle(work, cause)
    } catch (error) {
      this.#reportError(error) // Not settled: the queue misses the heartbeat and retries.
    } finally {
      this.#settling.delete(work)
      this.#resizeGroup(work, -1)
      this.#fill()
    }
  }

  #resizeGroup({ groupId }: QueuedWork<Data>, by: 1 | -1): void {
    if (groupId == null) return
    const size = (this.#groupSizes.get(groupId) ?? 0) + by
    if (size > 0) this.#groupSizes.set(groupId, size)
    else {
      this.#groupSizes.delete(groupId)
      this.#newGroupMayWait = true
    }
  }

  /** Returns what has been in the buffer since before an instant. It counts as never attempted. */
  #returnBuffered(instant: number): void {
    const attempts = this.#buffer.takeAddedBefore(instant).map(attemptOf)
    if (attempts.length === 0) return
    this.#ahead.reset()
    const { boss, queue } = this.#options
    this.#track(returnUnstarted(boss.getDb(), queue, attempts).catch(this.#reportError))
  }

  #track(end: Promise<void>): void {
    this.#ends.add(end)
    void end.then(() => this.#ends.delete(end))
  }

  /** Ignores refused heartbeats: the lease of the machine instance excludes a second worker, not the queue. */
  async #sendHeartbeats(): Promise<void> {
    const { boss, queue } = this.#options
    const attempts = [...this.#running, ...this.#buffer, ...this.#settling].map(attemptOf)
    if (attempts.length > 0) await boss.touch(queue, attempts).catch(this.#reportError)
  }
}

function attemptOf({ id, retryCount }: Attempt): Attempt {
  return { id, retryCount }
}
