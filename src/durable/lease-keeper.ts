import type { InstanceStore, LeaseState } from './instance-store.ts'

/** A lease in use, and the signal that aborts work under it. */
export interface TrackedLease {
  readonly signal: AbortSignal
  /** Says when the step being performed is no longer wanted, so that it is aborted; null when none is performed. */
  setStep(isSuperseded: ((state: LeaseState) => boolean) | null): void
  done(): void
}

/** Another worker has the lease, or it expired. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
}
export class StepSuperseded extends Error {
  override readonly name = 'StepSuperseded'
}

interface Entry {
  readonly jobId: string
  readonly epoch: number
  controller: AbortController
  isSuperseded: ((state: LeaseState) => boolean) | null
  /** Whether it is being renewed alone. */
  isWaiting: boolean
}

/**
 * Renews all leases of a process in one statement every `intervalMs`. Aborts all work under a lost lease, and a step that
 * its instance no longer waits for (cancelled, paused).
 */
export class LeaseKeeper {
  readonly #instanceStore: InstanceStore
  readonly #entries = new Map<string, Entry>()
  readonly #timer: NodeJS.Timeout
  readonly #onError: (error: unknown) => void
  #renewing: Promise<void> | undefined

  constructor(instanceStore: InstanceStore, intervalMs: number, onError: (error: unknown) => void) {
    this.#instanceStore = instanceStore
    this.#onError = onError
    this.#timer = setInterval(() => void this.#renew(), intervalMs)
    this.#timer.unref()
  }

  track(jobId: string, epoch: number): TrackedLease {
    const entry: Entry = {
      jobId,
      epoch,
      controller: new AbortController(),
      isSuperseded: null,
      isWaiting: false,
    }
    this.#entries.set(jobId, entry)
    return {
      get signal() {
        return entry.controller.signal
      },
      setStep: (isSuperseded) => {
        // A superseded step aborts only itself; the lease continues with a new signal.
        if (entry.controller.signal.reason instanceof StepSuperseded) entry.controller = new AbortController()
        entry.isSuperseded = isSuperseded
      },
      done: () => {
        if (this.#entries.get(jobId) === entry) this.#entries.delete(jobId)
      },
    }
  }

  /** Renews at once if the instance is leased here, because it has a new revision. */
  checkNow(jobId: string): void {
    if (this.#entries.has(jobId)) void this.#renew()
  }

  abortAll(reason: Error): void {
    for (const entry of this.#entries.values()) entry.controller.abort(reason)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  async #renewOnce(): Promise<void> {
    // One that waits for a lock is renewed alone, so that it does not delay the others.
    const entries = [...this.#entries.values()].filter(({ isWaiting }) => !isWaiting)
    for (const entry of await this.#renewAll(entries, false)) void this.#renewAlone(entry)
  }

  async #renewAlone(entry: Entry): Promise<void> {
    entry.isWaiting = true
    await this.#renewAll([entry], true)
    entry.isWaiting = false
  }

  /** Renews leases, and aborts what is not to go on. Returns those whose instances are locked. */
  async #renewAll(entries: readonly Entry[], waits: boolean): Promise<readonly Entry[]> {
    if (entries.length === 0) return []
    const renewed = entries.map((entry) => ({ entry, isSuperseded: entry.isSuperseded }))
    try {
      const states = await this.#instanceStore.renew(entries, waits)
      return renewed.flatMap(({ entry, isSuperseded }, index) => {
        const state = states[index]
        if (state === 'locked') return [entry]
        if (state === undefined || state === 'lost') entry.controller.abort(new LeaseLost(entry.jobId))
        // The state may be older than a step that was begun since.
        else if (entry.isSuperseded === isSuperseded && isSuperseded?.(state))
          entry.controller.abort(new StepSuperseded(entry.jobId))
        return []
      })
    } catch (error) {
      // The database is unreachable: leases expire there, and commits under them are refused.
      this.#onError(error)
      return []
    }
  }
}
