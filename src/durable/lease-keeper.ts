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
    const entry: Entry = { jobId, epoch, controller: new AbortController(), isSuperseded: null }
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
    const renewed = [...this.#entries.values()].map((entry) => ({ entry, isSuperseded: entry.isSuperseded }))
    if (renewed.length === 0) return
    try {
      const states = await this.#instanceStore.renew(renewed.map(({ entry }) => entry))
      const byInstance = new Map(states.map((state) => [state.jobId, state]))
      for (const { entry, isSuperseded } of renewed) {
        const state = byInstance.get(entry.jobId)
        if (!state) entry.controller.abort(new LeaseLost(entry.jobId))
        // The state may be older than a step that was begun since.
        else if (entry.isSuperseded === isSuperseded && isSuperseded?.(state))
          entry.controller.abort(new StepSuperseded(entry.jobId))
      }
    } catch (error) {
      // The database is unreachable: leases expire there, and commits under them are refused.
      this.#onError(error)
    }
  }
}
