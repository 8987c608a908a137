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

/** What a store decides; the limiter around it adds what follows from it. */
export type Decision =
  | { readonly kind: 'granted'; readonly reservations: readonly Reservation[]; readonly useBefore: number }
  | { readonly kind: 'deferred'; readonly at: number; readonly limitedBy: string }

/** So many instants are remembered of one window. Who would come after them is told the time, but gets no place. */
export const maxLogEntries = 4_096

interface WindowState {
  readonly organizationId: string | null
  readonly key: string
  window: SlidingWindow
  log: ReservationLog
  waiting: readonly QueuedRequest[]
}

/**
 * Windows in memory. The functions of migrations/0009-rate-limits.sql and `redis/acquire-places.lua` decide the same in their stores; a
 * test asks all three the same questions.
 */
export class MemoryWindows {
  readonly #lines = new Map<string, WindowState>()

  /** Decides at `now` in whole milliseconds. Nothing gets a place before `notBefore`. */
  acquire(request: AcquireRequest, now: number, notBefore = 0): Decision {
    const lines = this.#linesOf(request, now)
    return (
      claim(lines, request, now) ??
      giveNow(lines, request, now, notBefore) ??
      promise(lines, request, now, notBefore)
    )
  }

  /** The same, but keeps no place for a requester that is too early: `later` says only when there would be one. */
  acquireWithoutReserving(request: AcquireRequest, now: number, notBefore = 0): Decision {
    const lines = this.#linesOf(request, now)
    return (
      giveNow(lines, request, now, notBefore) ?? {
        kind: 'deferred',
        at: commonPlace(lines, Math.max(now, notBefore)),
        limitedBy: fullNow(lines, now, notBefore),
      }
    )
  }

  release(organizationId: string, places: readonly Reservation[]): void {
    for (const { key, scope, at } of places) {
      const line = this.#lines.get(nameOf(scope === 'app' ? null : organizationId, key))
      if (line) line.log = withReservation(line.log, at, -1)
    }
  }

  views(organizationId: string, now: number): readonly WindowView[] {
    return [...this.#lines.values()]
      .filter((line) => line.organizationId === organizationId)
      .map((line) => viewOf(line, now))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  #linesOf(request: AcquireRequest, now: number): readonly WindowState[] {
    const lines = request.windowRequests.map((demand) => this.#lineOf(request.organizationId, demand))
    for (const line of lines) forget(line, now)
    return lines
  }

  #lineOf(organizationId: string, { key, scope, window }: WindowRequest): WindowState {
    const owner = scope === 'app' ? null : organizationId
    const name = nameOf(owner, key)
    const line = this.#lines.get(name) ?? { organizationId: owner, key, window, log: [], waiting: [] }
    line.window = window
    this.#lines.set(name, line)
    return line
  }
}

const nameOf = (organizationId: string | null, key: string) => `${organizationId ?? ''} ${key}`

/** Places that nobody came to are free again, and what lies behind is forgotten. */
function forget(line: WindowState, now: number): void {
  const { window } = line
  for (const { at } of line.waiting.filter((one) => one.at < now - graceOf(window)))
    line.log = withReservation(line.log, at, -1)
  line.waiting = line.waiting.filter((one) => one.at >= now - graceOf(window))
  line.log = dropExpired(line.log, roundDown(now, window), window)
}

/** What was promised to the requester, if it is the same instant in all windows; otherwise it is placed anew. */
function claim(lines: readonly WindowState[], request: AcquireRequest, now: number): Decision | undefined {
  const promised = lines.map(({ waiting }) => waiting.find((one) => isOf(request, one)))
  const [first] = promised
  const kept = first && promised.every((one) => one?.at === first.at)
  if (kept && first.at > now) return { kind: 'deferred', at: first.at, limitedBy: fullNow(lines, now, 0) }

  lines.forEach((line, index) => {
    const mine = promised[index]
    if (!mine) return
    line.waiting = line.waiting.filter((one) => one !== mine)
    if (!kept) line.log = withReservation(line.log, mine.at, -1)
  })
  return kept ? granted(lines, request, () => first.at) : undefined
}

function giveNow(
  lines: readonly WindowState[],
  request: AcquireRequest,
  now: number,
  notBefore: number,
): Decision | undefined {
  const places = lines.map((line) => placeNow(line, now, notBefore))
  if (places.some((at) => at > now)) return undefined
  lines.forEach((line, index) => {
    line.log = withReservation(line.log, places[index] ?? now, 1)
  })
  return granted(lines, request, (index) => places[index] ?? now)
}

function promise(
  lines: readonly WindowState[],
  request: AcquireRequest,
  now: number,
  notBefore: number,
): Decision {
  const limitedBy = fullNow(lines, now, notBefore)
  const from = Math.max(now, notBefore)
  if (lines.some(({ log }) => log.length >= maxLogEntries))
    return { kind: 'deferred', at: commonPlace(lines, from), limitedBy }

  const at = takeTurn(lines, request, from) ?? commonPlace(lines, from)
  const { organizationId, requester } = request
  for (const line of lines) {
    line.log = withReservation(line.log, at, 1)
    line.waiting = [...line.waiting, { organizationId, requester, at }]
  }
  return { kind: 'deferred', at, limitedBy }
}

/** The first instant where every window has a place. */
function commonPlace(lines: readonly WindowState[], from: number): number {
  let at = from
  for (;;) {
    const next = lines.reduce((instant, { log, window }) => earliestReservation(log, window, instant), at)
    if (next === at) return at
    at = next
  }
}

/** In the window that the app shares, if there is one: a place of another organization's whose turn is after this one. */
function takeTurn(
  lines: readonly WindowState[],
  { organizationId }: AcquireRequest,
  from: number,
): number | undefined {
  const shared = lines.find((line) => line.organizationId === null)
  if (!shared) return undefined
  const end = earliestReservation(shared.log, shared.window, from)
  const others = lines.filter((line) => line !== shared)
  const taken = preemptibleReservations(shared.waiting, organizationId, { after: from, before: end }).find(
    ({ at }) => others.every(({ log, window }) => earliestReservation(log, window, at) === at),
  )
  if (!taken) return undefined
  // The place itself changes hands; its organization has one at the end instead.
  shared.log = withReservation(withReservation(shared.log, taken.at, -1), end, 1)
  shared.waiting = shiftAfterPreemption(shared.waiting, taken, end)
  return taken.at
}

function placeNow({ log, window }: WindowState, now: number, notBefore: number): number {
  return earliestReservation(log, window, Math.max(roundDown(now, window), notBefore))
}

function fullNow(lines: readonly WindowState[], now: number, notBefore: number): string {
  return (lines.find((line) => placeNow(line, now, notBefore) > now) ?? lines[0])?.key ?? ''
}

function granted(
  lines: readonly WindowState[],
  { windowRequests }: AcquireRequest,
  placeOf: (index: number) => number,
): Decision {
  return {
    kind: 'granted',
    reservations: windowRequests.map(({ key, scope }, index) => ({ key, scope, at: placeOf(index) })),
    useBefore: Math.min(...lines.map(({ window }, index) => placeOf(index) + window.marginMs)),
  }
}

function isOf({ organizationId, requester }: AcquireRequest, waiting: QueuedRequest): boolean {
  return waiting.organizationId === organizationId && waiting.requester === requester
}
