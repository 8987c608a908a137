import type { Endpoint } from './endpoint.ts'
import { createSeededRandom } from './random.ts'

export type FaultEffect =
  /**
   * Answers this without handling the call. `code` is the error code; TikTok also refuses with status 200 and a code. For
   * a webhook nothing is sent, and the app counts as having answered this.
   */
  | {
      readonly kind: 'status'
      readonly status: number
      readonly code?: string
      readonly retryAfterSeconds?: number
    }
  /** Redirects (307) without handling the call, by default to a path that counts the clients that follow. */
  | { readonly kind: 'redirect'; readonly location?: string }
  /** Cuts the connection before the call is handled. */
  | { readonly kind: 'dropBefore' }
  /** Handles the call, then cuts the connection instead of answering. A careless client then posts twice. */
  | { readonly kind: 'dropAfter' }
  /** Handles the call, then answers half of the body. */
  | { readonly kind: 'garble' }
  /** Handles the call, then answers the body inside prose, as a Python dict, or a gateway's HTML page instead. */
  | { readonly kind: 'mangle'; readonly as: 'prose' | 'python' | 'html' }
  /** Waits, then handles the call. */
  | { readonly kind: 'delay'; readonly delayMs: number }

export type Fault = {
  readonly endpoint: Endpoint
  readonly effect: FaultEffect
  /** A username: only calls for this account are counted and affected. */
  readonly account?: string
} & (
  | { /** 1-based number of the affected call, counted from now. Applies once. */ readonly nth: number }
  | {
      /** 0 to 1, until cleared. The same seed affects the same calls. */ readonly probability: number
      readonly seed: number
    }
)

export interface Faults {
  inject(fault: Fault): void
  clear(): void
  /** Faults that can still apply. */
  armed(): readonly Fault[]
  /** Counts a call and returns the effect on it. At most one fault applies to a call. */
  apply(endpoint: Endpoint, account?: string): FaultEffect | undefined
}

export function createFaults(first: readonly Fault[] = []): Faults {
  const arm = (fault: Fault) => ({
    fault,
    fires: 'nth' in fault ? countdown(fault.nth) : withProbability(fault.probability, fault.seed),
  })
  let armed = first.map(arm)

  return {
    inject(fault) {
      armed.push(arm(fault))
    },
    clear() {
      armed = []
    },
    armed: () => armed.map(({ fault }) => fault),
    apply(endpoint, account) {
      // Every fault counts every call of its endpoint, so that the faults stay independent of each other.
      const triggered = armed
        .filter(({ fault }) => fault.endpoint === endpoint)
        .filter(({ fault }) => fault.account === undefined || fault.account === account)
        .map((entry) => ({ entry, fires: entry.fires() }))
        .filter(({ fires }) => fires !== 'no')
      const spent = new Set(triggered.filter(({ fires }) => fires === 'last').map(({ entry }) => entry))
      armed = armed.filter((entry) => !spent.has(entry))
      return triggered[0]?.entry.fault.effect
    },
  }
}

/** Whether a fault applies to this call; `last` when it applies for the last time. */
type Trigger = () => 'yes' | 'no' | 'last'

function countdown(nth: number): Trigger {
  let left = nth
  return () => {
    left -= 1
    return left === 0 ? 'last' : 'no'
  }
}

function withProbability(probability: number, seed: number): Trigger {
  const next = createSeededRandom(seed)
  return () => (next() < probability ? 'yes' : 'no')
}
