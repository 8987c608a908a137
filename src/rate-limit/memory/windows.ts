import { preemptibleReservations, type QueuedRequest, shiftAfterPreemption } from '../fair-queue.ts'
import type { AcquireRequest, Reservation, WindowRequest, WindowView } from '../limiter.ts'
import {
  dropExpired,
  earliestReservation,
  graceOf,
  type ReservationLog,
  roundDown,
  type SlidingWindow,
  withReservation,
} from '../sliding-window.ts'
import { viewOf } from '../window-view.ts'

export type Decision =
  | {
      readonly kind: 'granted'
      readonly reservations: readonly Reservation[]
      /** Epoch milliseconds. */
      readonly useBefore: number
    }
  | { readonly kind: 'deferred'; readonly at: number; readonly limitedBy: string }

/** The maximum number of instants in a window's log. A requester beyond it is deferred without a reservation. */
export const maxLogEntries = 4_096

interface WindowState {
  /** Null for a window that organizations share. */
  readonly organizationId: string | null
  readonly key: string
  window: SlidingWindow
  log: ReservationLog
  waiting: readonly QueuedRequest[]
}

/**
 * Windows in memory. The functions of migrations/0009-rate-limits.sql and `redis/acquire.lua` decide the same in their stores; a
 * property test compares all three.
 */
export class MemoryWindows {
  readonly #states = new Map<string, WindowState>()

  /** Decides at `now` in whole milliseconds. No reservation is made before `notBefore`. */
  acquire(request: AcquireRequest, now: number, notBefore = 0): Decision {
    const states = this.#statesOf(request, now)
    return (
      claim(states, request, now) ??
      grantNow(states, request, now, notBefore) ??
      reserve(states, request, now, notBefore)
    )
  }

  /** Like `acquire`, but makes no reservation for a deferred requester: `at` says only when one would fit. */
  acquireWithoutReserving(request: AcquireRequest, now: number, notBefore = 0): Decision {
    const states = this.#statesOf(request, now)
    return (
      grantNow(states, request, now, notBefore) ?? {
        kind: 'deferred',
        at: earliestCommon(states, Math.max(now, notBefore)),
        limitedBy: firstFullWindow(states, now, notBefore),
      }
    )
  }

  release(organizationId: string, reservations: readonly Reservation[]): void {
    for (const { key, scope, at } of reservations) {
      const state = this.#states.get(nameOf(scope === 'app' ? null : organizationId, key))
      if (state) state.log = withReservation(state.log, at, -1)
    }
  }

  views(organizationId: string, now: number): readonly WindowView[] {
    return [...this.#states.values()]
      .filter((state) => state.organizationId === organizationId)
      .map((state) => viewOf(state, now))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  #statesOf(request: AcquireRequest, now: number): readonly WindowState[] {
    const states = request.windowRequests.map((one) => this.#stateOf(request.organizationId, one))
    for (const state of states) expire(state, now)
    return states
  }

  #stateOf(organizationId: string, { key, scope, window }: WindowRequest): WindowState {
    const owner = scope === 'app' ? null : organizationId
    const name = nameOf(owner, key)
    const state = this.#states.get(name) ?? { organizationId: owner, key, window, log: [], waiting: [] }
    state.window = window
    this.#states.set(name, state)
    return state
  }
}

const nameOf = (organizationId: string | null, key: string) => `${organizationId ?? ''} ${key}`

/** Frees reservations that were not claimed within their grace, and drops expired ones. */
function expire(state: WindowState, now: number): void {
  const { window } = state
  for (const { at } of state.waiting.filter((request) => request.at < now - graceOf(window)))
    state.log = withReservation(state.log, at, -1)
  state.waiting = state.waiting.filter((request) => request.at >= now - graceOf(window))
  state.log = dropExpired(state.log, roundDown(now, window), window)
}

/**
 * Answers a requester that has a reservation: granted if it is due, otherwise deferred to the same instant. A reservation that is
 * not at the same instant in all windows is given up, and the request is decided anew (undefined).
 */
function claim(states: readonly WindowState[], request: AcquireRequest, now: number): Decision | undefined {
  const reserved = states.map(({ waiting }) => waiting.find((queued) => isOf(request, queued)))
  const [first] = reserved
  const isValid = first && reserved.every((queued) => queued?.at === first.at)
  if (isValid && first.at > now)
    return { kind: 'deferred', at: first.at, limitedBy: firstFullWindow(states, now, 0) }

  states.forEach((state, index) => {
    const own = reserved[index]
    if (!own) return
    state.waiting = state.waiting.filter((queued) => queued !== own)
    if (!isValid) state.log = withReservation(state.log, own.at, -1)
  })
  return isValid ? granted(states, request, () => first.at) : undefined
}

/** Grants the request if no window is full now. */
function grantNow(
  states: readonly WindowState[],
  request: AcquireRequest,
  now: number,
  notBefore: number,
): Decision | undefined {
  const instants = states.map((state) => earliestNow(state, now, notBefore))
  if (instants.some((at) => at > now)) return undefined
  states.forEach((state, index) => {
    state.log = withReservation(state.log, instants[index] ?? now, 1)
  })
  return granted(states, request, (index) => instants[index] ?? now)
}

/** Reserves the first instant that is free in all windows, or one that is taken over from another organization. */
function reserve(
  states: readonly WindowState[],
  request: AcquireRequest,
  now: number,
  notBefore: number,
): Decision {
  const limitedBy = firstFullWindow(states, now, notBefore)
  const from = Math.max(now, notBefore)
  if (states.some(({ log }) => log.length >= maxLogEntries))
    return { kind: 'deferred', at: earliestCommon(states, from), limitedBy }

  const at = preempt(states, request, from) ?? earliestCommon(states, from)
  const { organizationId, requester } = request
  for (const state of states) {
    state.log = withReservation(state.log, at, 1)
    state.waiting = [...state.waiting, { organizationId, requester, at }]
  }
  return { kind: 'deferred', at, limitedBy }
}

/** The first instant that is free in every window. */
function earliestCommon(states: readonly WindowState[], from: number): number {
  let at = from
  for (;;) {
    const next = states.reduce((instant, { log, window }) => earliestReservation(log, window, instant), at)
    if (next === at) return at
    at = next
  }
}

/** Takes over another organization's reservation in the shared window, if there is one and fairness permits it. */
function preempt(
  states: readonly WindowState[],
  { organizationId }: AcquireRequest,
  from: number,
): number | undefined {
  const shared = states.find((state) => state.organizationId === null)
  if (!shared) return undefined
  const end = earliestReservation(shared.log, shared.window, from)
  const others = states.filter((state) => state !== shared)
  const preempted = preemptibleReservations(shared.waiting, organizationId, {
    after: from,
    before: end,
  }).find(({ at }) => others.every(({ log, window }) => earliestReservation(log, window, at) === at))
  if (!preempted) return undefined
  // The reservation changes hands; its former organization gets one at the end instead.
  shared.log = withReservation(withReservation(shared.log, preempted.at, -1), end, 1)
  shared.waiting = shiftAfterPreemption(shared.waiting, preempted, end)
  return preempted.at
}

function earliestNow({ log, window }: WindowState, now: number, notBefore: number): number {
  return earliestReservation(log, window, Math.max(roundDown(now, window), notBefore))
}

function firstFullWindow(states: readonly WindowState[], now: number, notBefore: number): string {
  return (states.find((state) => earliestNow(state, now, notBefore) > now) ?? states[0])?.key ?? ''
}

function granted(
  states: readonly WindowState[],
  { windowRequests }: AcquireRequest,
  instantOf: (index: number) => number,
): Decision {
  return {
    kind: 'granted',
    reservations: windowRequests.map(({ key, scope }, index) => ({ key, scope, at: instantOf(index) })),
    useBefore: Math.min(...states.map(({ window }, index) => instantOf(index) + window.marginMs)),
  }
}

function isOf({ organizationId, requester }: AcquireRequest, queued: QueuedRequest): boolean {
  return queued.organizationId === organizationId && queued.requester === requester
}
