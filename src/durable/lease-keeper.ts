import type { InstanceStore } from './instance-store.ts'

/** A lease in use, and the signal that ends what is done under it. */
export interface TrackedLease {
  readonly signal: AbortSignal
  /** Names the step now performed, so that a superseded one is aborted. */
  setStep(stepKey: string | null): void
  done(): void
}

/** Why work under a lease was aborted. */
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
  stepKey: string | null
}

/**
 * Renews all leases of a process in one statement every `everyMs`, and aborts what it no longer may do:
 * everything of a lost lease, and a step that its job does not wait for any more (cancelled, paused).
 */
export class LeaseKeeper {
  readonly #instanceStore: InstanceStore
  readonly #entries = new Map<string, Entry>()
  readonly #timer: NodeJS.Timeout
  readonly #onError: (error: unknown) => void
  #renewing: Promise<void> | undefined

  constructor(instanceStore: InstanceStore, everyMs: number, onError: (error: unknown) => void) {
    this.#instanceStore = instanceStore
    this.#onError = onError
    this.#timer = setInterval(() => void this.#renew(), everyMs)
    this.#timer.unref()
  }

  track(jobId: string, epoch: number): TrackedLease {
    const entry: Entry = { jobId, epoch, controller: new AbortController(), stepKey: null }
    this.#entries.set(jobId, entry)
    return {
      get signal() {
        return entry.controller.signal
      },
      setStep: (stepKey) => {
        // A superseded step aborts only itself; the lease goes on with a fresh signal.
        if (entry.controller.signal.reason instanceof StepSuperseded) entry.controller = new AbortController()
        entry.stepKey = stepKey
      },
      done: () => {
        if (this.#entries.get(jobId) === entry) this.#entries.delete(jobId)
      },
    }
  }

  /** A hint that a job has moved: if it is held here, looks at once instead of at the next renewal. */
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
    const asked = [...this.#entries.values()].map((entry) => ({ entry, stepKey: entry.stepKey }))
    if (asked.length === 0) return
    try {
      const states = await this.#instanceStore.renew(asked.map(({ entry }) => entry))
      const byJob = new Map(states.map((state) => [state.jobId, state]))
      for (const { entry, stepKey } of asked) {
        const state = byJob.get(entry.jobId)
        if (!state) entry.controller.abort(new LeaseLost(entry.jobId))
        else if (stepKey && entry.stepKey === stepKey && state.stepKey !== stepKey)
          entry.controller.abort(new StepSuperseded(entry.jobId))
      }
    } catch (error) {
      // The database is out of reach: the leases run out there, and commits under them are refused.
      this.#onError(error)
    }
  }
}
