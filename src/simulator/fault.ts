import type { Endpoint } from './endpoint.ts'
import { createSeededRandom } from './random.ts'

export type FaultEffect =
  /**
   * Answer this, and do nothing. `code` fills the error; with status 200 it is TikTok's way of refusing politely. Of a
   * webhook: nothing is sent, as if the app had answered this.
   */
  | {
      readonly kind: 'status'
      readonly status: number
      readonly code?: string
      readonly retryAfterSeconds?: number
    }
  /** Send the client elsewhere (307), by default to a place of ours that counts whoever comes; do nothing. */
  | { readonly kind: 'redirect'; readonly location?: string }
  /** Cut the connection before anything is done. */
  | { readonly kind: 'dropBefore' }
  /** Do it all, then cut the connection instead of answering: what makes a careless client post twice. */
  | { readonly kind: 'dropAfter' }
  /** Do it all, then answer half of a body. */
  | { readonly kind: 'garble' }
  /** Do it all, then answer the body inside of prose, as a Python dict, or not at all but in a gateway's HTML. */
  | { readonly kind: 'mangle'; readonly as: 'prose' | 'python' | 'html' }
  /** Wait, then go on as usual. */
  | { readonly kind: 'delay'; readonly delayMs: number }

export type Fault = {
  readonly endpoint: Endpoint
  readonly effect: FaultEffect
  /** A username: only calls for this account count and are struck. */
  readonly account?: string
} & (
  | { /** The how many-eth call from now on, 1 being the next. Strikes once. */ readonly nth: number }
  | {
      /** 0 to 1, until cleared; the same seed strikes the same calls. */ readonly probability: number
      readonly seed: number
    }
)

export interface Faults {
  inject(fault: Fault): void
  clear(): void
  /** Those that may still strike. */
  armed(): readonly Fault[]
  /** Counts a call and says what shall befall it. At most one fault strikes a call. */
  apply(endpoint: Endpoint, account?: string): FaultEffect | undefined
}

export function createFaults(first: readonly Fault[] = []): Faults {
  const arm = (fault: Fault) => ({
    fault,
    fires: 'nth' in fault ? countdown(fault.nth) : dice(fault.probability, fault.seed),
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
      // Every fault sees every call of its endpoint, even if another one strikes it: their counts stay independent.
      const struck = armed
        .filter(({ fault }) => fault.endpoint === endpoint)
        .filter(({ fault }) => fault.account === undefined || fault.account === account)
        .map((entry) => ({ entry, fires: entry.fires() }))
        .filter(({ fires }) => fires !== 'no')
      const spent = new Set(struck.filter(({ fires }) => fires === 'last').map(({ entry }) => entry))
      armed = armed.filter((entry) => !spent.has(entry))
      return struck[0]?.entry.fault.effect
    },
  }
}

/** Whether a fault strikes this call, and whether that was its last. */
type Fires = () => 'yes' | 'no' | 'last'

function countdown(nth: number): Fires {
  let left = nth
  return () => {
    left -= 1
    return left === 0 ? 'last' : 'no'
  }
}

function dice(probability: number, seed: number): Fires {
  const next = createSeededRandom(seed)
  return () => (next() < probability ? 'yes' : 'no')
}
