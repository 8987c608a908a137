import type { PgBoss } from 'pg-boss'
import { causeOf, workerDied } from './failure-cause.ts'
import { onQueueNotification } from './notify.ts'

/** How often a worker polls without a notification. Polling covers lost notifications, and work that falls due later. */
export const pollIntervalMs = 1_000
/** A process sends heartbeats for its work: three of them before the queue misses one. */
const heartbeatIntervalMs = 3_000

/** One piece of work, as fetched from the queue. */
export interface QueuedWork<Data extends object> {
  readonly id: string
  /** Identifies the attempt: an earlier attempt cannot settle the work. */
  readonly retryCount: number
  readonly data: Data
  readonly groupId?: string | null
}

export interface FairWorkerOptions<Data extends object> {
  readonly boss: PgBoss
  readonly queue: string
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
 * pg-boss's own `work` has one fetcher per unit of concurrency, and all of them query at each notification and each poll. Two processes
 * with a concurrency of ten made 21 queries per started job; here they make 3, because one fetch serves all free capacity and one
 * statement carries all heartbeats.
 */
export class FairWorker<Data extends object> {
  readonly #options: FairWorkerOptions<Data>
  /** Active work with its completion. The same id may be in it twice, if the queue gave it up and handed it to us again. */
  readonly #active = new Map<QueuedWork<Data>, Promise<void>>()
  readonly #poll: NodeJS.Timeout
  readonly #heartbeat: NodeJS.Timeout
  readonly #unsubscribe: () => void
  #filling: Promise<void> | null = null
  #mustFillAgain = false
  /** False after a fetch for the reserve found nothing, until something happens that may change that. */
  #newGroupMayWait = true
  #isDraining = false

  constructor(options: FairWorkerOptions<Data>) {
    this.#options = options
    this.#unsubscribe = onQueueNotification(options.boss, options.queue, () => this.poll())
    this.#poll = setInterval(() => this.poll(), pollIntervalMs)
    this.#heartbeat = setInterval(() => void this.#sendHeartbeats(), heartbeatIntervalMs)
    this.#heartbeat.unref()
    this.poll()
  }

  /** Fetches work now; if a fetch is running, once more after it. */
  poll(): void {
    this.#newGroupMayWait = true
    this.#fill()
  }

  /** Stops fetching. Active work continues. */
  drain(): void {
    this.#isDraining = true
    this.#unsubscribe()
    clearInterval(this.#poll)
  }

  /** Drains, waits for the active work, and returns what is left to the queue after the grace period. */
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
    const left = this.#attempts()
    if (left.length > 0) await boss.fail(queue, left, workerDied).catch(this.#reportError)
  }

  /** Emits on pg-boss, as its own workers do. */
  readonly #reportError = (error: unknown): void => {
    this.#options.boss.emit('error', error instanceof Error ? error : new Error(String(error)))
  }

  async #idle(): Promise<void> {
    await this.#filling
    while (this.#active.size > 0) await Promise.all(this.#active.values())
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
    const capacity = this.#isDraining ? 0 : concurrency - this.#active.size
    if (capacity <= 0) return false // The next completion fetches again.
    const unreserved = capacity - reserve()
    if (unreserved > 0)
      return this.#start(await boss.fetch<Data>(queue, { batchSize: unreserved })) === unreserved

    if (!this.#newGroupMayWait) return false
    this.#newGroupMayWait = false
    // One piece of each group without active work in any process. Skipping 1,000 of another group takes 2 to 5 ms, skipping 10,000
    // about 10 ms, so this runs after a notification, not after every completion.
    const started = this.#start(await boss.fetch<Data>(queue, { batchSize: capacity, groupConcurrency: 1 }))
    if (started > 0) this.#newGroupMayWait = true
    return started > 0
  }

  #start(fetched: readonly QueuedWork<Data>[]): number {
    for (const work of fetched) this.#active.set(work, this.#perform(work))
    return fetched.length
  }

  async #perform(work: QueuedWork<Data>): Promise<void> {
    const { boss, queue, perform } = this.#options
    try {
      const cause = await perform(work).then(() => null, causeOf)
      const attempt = { id: work.id, retryCount: work.retryCount }
      await (cause === null ? boss.complete(queue, attempt) : boss.fail(queue, attempt, cause))
    } catch (error) {
      this.#reportError(error) // Not settled: the queue misses the heartbeat and retries.
    } finally {
      this.#active.delete(work)
      if (!this.#hasActive(work.groupId)) this.#newGroupMayWait = true
      this.#fill()
    }
  }

  #hasActive(groupId: string | null | undefined): boolean {
    return [...this.#active.keys()].some((work) => work.groupId === groupId)
  }

  #attempts() {
    return [...this.#active.keys()].map(({ id, retryCount }) => ({ id, retryCount }))
  }

  /** Ignores refused heartbeats: the lease of the machine instance excludes a second worker, not the queue. */
  async #sendHeartbeats(): Promise<void> {
    const { boss, queue } = this.#options
    const attempts = this.#attempts()
    if (attempts.length > 0) await boss.touch(queue, attempts).catch(this.#reportError)
  }
}
