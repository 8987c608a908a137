import type { PgBoss } from 'pg-boss'
import { causeOf, workerDied } from './failure-cause.ts'
import { onQueueNotification } from './notify.ts'

/** How often it looks without being told: the floor under NOTIFY, and what finds work that falls due later. */
export const pollIntervalMs = 1_000
/** A process says for all that it has in hand that it is still at it: three times before the queue misses it. */
const heartbeatMs = 3_000

/** One piece of work, as it was taken from the queue. */
export interface QueuedWork<Data extends object> {
  readonly id: string
  /** Names the attempt: a settlement by an earlier one is refused. */
  readonly retryCount: number
  readonly data: Data
  readonly groupId?: string | null
}

export interface FairWorkerOptions<Data extends object> {
  readonly boss: PgBoss
  readonly queue: string
  /** How many pieces of work this process does at once. */
  readonly concurrency: number
  /** How many of these places are kept for groups that have none anywhere. */
  readonly reserve: () => number
  /** Resolves once the work is done. What it throws fails the attempt, and the queue tries again. */
  readonly perform: (work: QueuedWork<Data>) => Promise<void>
}

/**
 * Works off a queue so that no group waits for another's crowd. The oldest comes first, but some places are kept for groups that
 * have nothing going on in any process. So of a thousand that one group has queued the last may wait for long, and another's
 * single one starts as soon as it is heard of.
 *
 * pg-boss's own `work` has a fetcher for each place, and all of them ask the database at each NOTIFY and each tick: with two
 * processes of ten places 21 questions for each job that was started, against 3 here, where one asks for all places, takes as
 * much as there is room for, and one statement carries all heartbeats.
 */
export class FairWorker<Data extends object> {
  readonly #options: FairWorkerOptions<Data>
  /** What is in hand, with its end. The same may be there twice, if the queue gave it up and then to us again. */
  readonly #held = new Map<QueuedWork<Data>, Promise<void>>()
  readonly #tick: NodeJS.Timeout
  readonly #heartbeat: NodeJS.Timeout
  readonly #forgetNotices: () => void
  #filling: Promise<void> | null = null
  #again = false
  /** Whether something has happened since no newcomer was found. */
  #newcomersMayWait = true
  #isDraining = false

  constructor(options: FairWorkerOptions<Data>) {
    this.#options = options
    this.#forgetNotices = onQueueNotification(options.boss, options.queue, () => this.poll())
    this.#tick = setInterval(() => this.poll(), pollIntervalMs)
    this.#heartbeat = setInterval(() => void this.#beat(), heartbeatMs)
    this.#heartbeat.unref()
    this.poll()
  }

  /** Looks for work now; while it looks already, once more right after. */
  poll(): void {
    this.#newcomersMayWait = true
    this.#fill()
  }

  /** Takes no more. What it has in hand goes on. */
  drain(): void {
    this.#isDraining = true
    this.#forgetNotices()
    clearInterval(this.#tick)
  }

  /** Drains, waits for what it has in hand, and gives the rest back to the queue after the grace. */
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
    if (left.length > 0) await boss.fail(queue, left, workerDied).catch(this.#say)
  }

  /** Where pg-boss tells its own workers' troubles. */
  readonly #say = (error: unknown): void => {
    this.#options.boss.emit('error', error instanceof Error ? error : new Error(String(error)))
  }

  async #idle(): Promise<void> {
    await this.#filling
    while (this.#held.size > 0) await Promise.all(this.#held.values())
  }

  #fill(): void {
    this.#again = true
    this.#filling ??= this.#fillUp()
  }

  async #fillUp(): Promise<void> {
    while (this.#again) {
      this.#again = false
      try {
        if (await this.#take()) this.#again = true
      } catch (error) {
        this.#say(error) // The next tick tries again.
      }
    }
    this.#filling = null // In the same turn as the last look at `again`: nobody's wish falls in between.
  }

  /** Takes what there is room for, the oldest first; into the kept places newcomers only. Answers whether more may wait. */
  async #take(): Promise<boolean> {
    const { boss, queue, concurrency, reserve } = this.#options
    const room = this.#isDraining ? 0 : concurrency - this.#held.size
    if (room <= 0) return false // Whoever is done first looks again.
    const open = room - reserve()
    if (open > 0) return this.#hold(await boss.fetch<Data>(queue, { batchSize: open })) === open

    if (!this.#newcomersMayWait) return false
    this.#newcomersMayWait = false
    // One of each group that has nothing active in any process. To look past a crowd's 1,000 takes 2 to 5 ms, past 10,000 about
    // 10: so it is done when something new was heard of, not whenever a place of the crowd's becomes free.
    const newcomers = this.#hold(await boss.fetch<Data>(queue, { batchSize: room, groupConcurrency: 1 }))
    if (newcomers > 0) this.#newcomersMayWait = true
    return newcomers > 0
  }

  #hold(taken: readonly QueuedWork<Data>[]): number {
    for (const work of taken) this.#held.set(work, this.#perform(work))
    return taken.length
  }

  async #perform(work: QueuedWork<Data>): Promise<void> {
    const { boss, queue, perform } = this.#options
    try {
      const cause = await perform(work).then(() => null, causeOf)
      const attempt = { id: work.id, retryCount: work.retryCount }
      await (cause === null ? boss.complete(queue, attempt) : boss.fail(queue, attempt, cause))
    } catch (error) {
      this.#say(error) // Not settled: the queue misses its heartbeat, and has it tried again.
    } finally {
      this.#held.delete(work)
      if (!this.#has(work.groupId)) this.#newcomersMayWait = true
      this.#fill()
    }
  }

  #has(groupId: string | null | undefined): boolean {
    return [...this.#held.keys()].some((work) => work.groupId === groupId)
  }

  #attempts() {
    return [...this.#held.keys()].map(({ id, retryCount }) => ({ id, retryCount }))
  }

  /** A refused heartbeat is not looked at: what holds a worker off is the lease of the job, never the queue. */
  async #beat(): Promise<void> {
    const { boss, queue } = this.#options
    const attempts = this.#attempts()
    if (attempts.length > 0) await boss.touch(queue, attempts).catch(this.#say)
  }
}
