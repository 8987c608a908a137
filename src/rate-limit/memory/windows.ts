import { placesToTakeOver, type Waiting, yieldPlace } from '../fair-queue.ts'
import type { Demand, Place, PlaceRequest, WindowView } from '../limiter.ts'
import {
  coarse,
  earliestPlace,
  graceOf,
  type PlaceLog,
  type SlidingWindow,
  since,
  withPlace,
} from '../sliding-window.ts'
import { viewOf } from '../window-view.ts'

/** What a store decides; the limiter around it adds what follows from it. */
export type Decision =
  | { readonly kind: 'granted'; readonly places: readonly Place[]; readonly useBefore: number }
  | { readonly kind: 'later'; readonly at: number; readonly limitedBy: string }

/** So many instants are remembered of one window. Who would come after them is told the time, but gets no place. */
export const longestLog = 4_096

interface Line {
  readonly organizationId: string | null
  readonly key: string
  window: SlidingWindow
  log: PlaceLog
  waiting: readonly Waiting[]
}

/**
 * Windows in memory. The functions of migrations/0009-rate-limits.sql and `redis/acquire-places.lua` decide the same in their stores; a
 * test asks all three the same questions.
 */
export class WindowBook {
  readonly #lines = new Map<string, Line>()

  /** Decides at `now` in whole milliseconds. Nothing gets a place before `notBefore`. */
  acquire(request: PlaceRequest, now: number, notBefore = 0): Decision {
    const lines = this.#linesOf(request, now)
    return (
      claim(lines, request, now) ??
      giveNow(lines, request, now, notBefore) ??
      promise(lines, request, now, notBefore)
    )
  }

  /** The same, but keeps no place for a holder that is too early: `later` says only when there would be one. */
  acquireWithoutPromise(request: PlaceRequest, now: number, notBefore = 0): Decision {
    const lines = this.#linesOf(request, now)
    return (
      giveNow(lines, request, now, notBefore) ?? {
        kind: 'later',
        at: commonPlace(lines, Math.max(now, notBefore)),
        limitedBy: fullNow(lines, now, notBefore),
      }
    )
  }

  giveBack(organizationId: string, places: readonly Place[]): void {
    for (const { key, scope, at } of places) {
      const line = this.#lines.get(nameOf(scope === 'app' ? null : organizationId, key))
      if (line) line.log = withPlace(line.log, at, -1)
    }
  }

  views(organizationId: string, now: number): readonly WindowView[] {
    return [...this.#lines.values()]
      .filter((line) => line.organizationId === organizationId)
      .map((line) => viewOf(line, now))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  #linesOf(request: PlaceRequest, now: number): readonly Line[] {
    const lines = request.demands.map((demand) => this.#lineOf(request.organizationId, demand))
    for (const line of lines) forget(line, now)
    return lines
  }

  #lineOf(organizationId: string, { key, scope, window }: Demand): Line {
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
function forget(line: Line, now: number): void {
  const { window } = line
  for (const { at } of line.waiting.filter((one) => one.at < now - graceOf(window)))
    line.log = withPlace(line.log, at, -1)
  line.waiting = line.waiting.filter((one) => one.at >= now - graceOf(window))
  line.log = since(line.log, coarse(now, window), window)
}

/** What was promised to the holder, if it is the same instant in all windows; otherwise it is placed anew. */
function claim(lines: readonly Line[], request: PlaceRequest, now: number): Decision | undefined {
  const promised = lines.map(({ waiting }) => waiting.find((one) => isOf(request, one)))
  const [first] = promised
  const kept = first && promised.every((one) => one?.at === first.at)
  if (kept && first.at > now) return { kind: 'later', at: first.at, limitedBy: fullNow(lines, now, 0) }

  lines.forEach((line, index) => {
    const mine = promised[index]
    if (!mine) return
    line.waiting = line.waiting.filter((one) => one !== mine)
    if (!kept) line.log = withPlace(line.log, mine.at, -1)
  })
  return kept ? granted(lines, request, () => first.at) : undefined
}

function giveNow(
  lines: readonly Line[],
  request: PlaceRequest,
  now: number,
  notBefore: number,
): Decision | undefined {
  const places = lines.map((line) => placeNow(line, now, notBefore))
  if (places.some((at) => at > now)) return undefined
  lines.forEach((line, index) => {
    line.log = withPlace(line.log, places[index] ?? now, 1)
  })
  return granted(lines, request, (index) => places[index] ?? now)
}

function promise(lines: readonly Line[], request: PlaceRequest, now: number, notBefore: number): Decision {
  const limitedBy = fullNow(lines, now, notBefore)
  const from = Math.max(now, notBefore)
  if (lines.some(({ log }) => log.length >= longestLog))
    return { kind: 'later', at: commonPlace(lines, from), limitedBy }

  const at = takeTurn(lines, request, from) ?? commonPlace(lines, from)
  const { organizationId, holder } = request
  for (const line of lines) {
    line.log = withPlace(line.log, at, 1)
    line.waiting = [...line.waiting, { organizationId, holder, at }]
  }
  return { kind: 'later', at, limitedBy }
}

/** The first instant where every window has a place. */
function commonPlace(lines: readonly Line[], from: number): number {
  let at = from
  for (;;) {
    const next = lines.reduce((instant, { log, window }) => earliestPlace(log, window, instant), at)
    if (next === at) return at
    at = next
  }
}

/** In the window that the app shares, if there is one: a place of another organization's whose turn is after this one. */
function takeTurn(
  lines: readonly Line[],
  { organizationId }: PlaceRequest,
  from: number,
): number | undefined {
  const shared = lines.find((line) => line.organizationId === null)
  if (!shared) return undefined
  const end = earliestPlace(shared.log, shared.window, from)
  const others = lines.filter((line) => line !== shared)
  const taken = placesToTakeOver(shared.waiting, organizationId, { after: from, before: end }).find(
    ({ at }) => others.every(({ log, window }) => earliestPlace(log, window, at) === at),
  )
  if (!taken) return undefined
  // The place itself changes hands; its organization has one at the end instead.
  shared.log = withPlace(withPlace(shared.log, taken.at, -1), end, 1)
  shared.waiting = yieldPlace(shared.waiting, taken, end)
  return taken.at
}

function placeNow({ log, window }: Line, now: number, notBefore: number): number {
  return earliestPlace(log, window, Math.max(coarse(now, window), notBefore))
}

function fullNow(lines: readonly Line[], now: number, notBefore: number): string {
  return (lines.find((line) => placeNow(line, now, notBefore) > now) ?? lines[0])?.key ?? ''
}

function granted(
  lines: readonly Line[],
  { demands }: PlaceRequest,
  placeOf: (index: number) => number,
): Decision {
  return {
    kind: 'granted',
    places: demands.map(({ key, scope }, index) => ({ key, scope, at: placeOf(index) })),
    useBefore: Math.min(...lines.map(({ window }, index) => placeOf(index) + window.marginMs)),
  }
}

function isOf({ organizationId, holder }: PlaceRequest, waiting: Waiting): boolean {
  return waiting.organizationId === organizationId && waiting.holder === holder
}
