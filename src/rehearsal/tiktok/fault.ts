/** Where a fault may strike. */
export type Endpoint =
  | 'authorize'
  | 'token'
  | 'creatorInfo'
  | 'videoInit'
  | 'upload'
  | 'statusFetch'
  | 'videoList'

export type FaultEffect =
  /** Answer this, and do nothing. `code` fills the error; with status 200 it is TikTok's way of refusing politely. */
  | {
      readonly kind: 'status'
      readonly status: number
      readonly code?: string
      readonly retryAfterSeconds?: number
    }
  /** Cut the connection before anything is done. */
  | { readonly kind: 'dropBefore' }
  /** Do it all, then cut the connection instead of answering: what makes a careless client post twice. */
  | { readonly kind: 'dropAfter' }
  /** Do it all, then answer half of a body. */
  | { readonly kind: 'garble' }
  /** Wait, then go on as usual. */
  | { readonly kind: 'delay'; readonly delayMs: number }

export type Fault = { readonly endpoint: Endpoint; readonly effect: FaultEffect } & (
  | { /** The how many-eth call from now on, 1 being the next. Strikes once. */ readonly nth: number }
  | {
      /** 0 to 1, until cleared; the same seed strikes the same calls. */ readonly probability: number
      readonly seed: number
    }
)

export interface Faults {
  inject(fault: Fault): void
  clear(): void
  /** Counts a call and says what shall befall it. At most one fault strikes a call. */
  strike(endpoint: Endpoint): FaultEffect | undefined
}

export function createFaults(): Faults {
  let armed: { readonly fault: Fault; readonly fires: () => 'yes' | 'no' | 'last' }[] = []

  return {
    inject(fault) {
      armed.push({
        fault,
        fires: 'nth' in fault ? countdown(fault.nth) : dice(fault.probability, fault.seed),
      })
    },
    clear() {
      armed = []
    },
    strike(endpoint) {
      // Every fault sees every call of its endpoint, even if another one strikes it: their counts stay independent.
      const struck = armed
        .filter(({ fault }) => fault.endpoint === endpoint)
        .map((entry) => ({ entry, fires: entry.fires() }))
        .filter(({ fires }) => fires !== 'no')
      const spent = new Set(struck.filter(({ fires }) => fires === 'last').map(({ entry }) => entry))
      armed = armed.filter((entry) => !spent.has(entry))
      return struck[0]?.entry.fault.effect
    },
  }
}

function countdown(nth: number): () => 'no' | 'last' {
  let left = nth
  return () => {
    left -= 1
    return left === 0 ? 'last' : 'no'
  }
}

function dice(probability: number, seed: number): () => 'yes' | 'no' {
  const next = mulberry32(seed)
  return () => (next() < probability ? 'yes' : 'no')
}

/** Tommy Ettinger's mulberry32: 32 bits of state, good enough to spread faults and the same on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
