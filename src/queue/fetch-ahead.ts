/** Work that ran for less than this is short. */
const shortMs = 250

/**
 * Decides how much to fetch beyond what can start. Only while there is a backlog of short work: long work would wait in this process
 * while another one is idle. The size doubles with every portion.
 */
export class FetchAhead {
  readonly #first: number
  readonly #most: number
  #size = 0
  #lastFetched = 0
  #shortEnds = 0
  #isBacklogged = false

  constructor(first: number, most: number) {
    this.#first = first
    this.#most = most
  }

  /** Whether the last fetch found as much as it asked for. */
  get isBacklogged(): boolean {
    return this.#isBacklogged
  }

  /** How much to fetch ahead now: nothing before half of the last portion has ended. */
  next(): number {
    if (!this.#isBacklogged || this.#shortEnds === 0 || this.#shortEnds < this.#lastFetched / 2) return 0
    this.#size = Math.min(this.#most, Math.max(this.#first, this.#size * 2))
    return this.#size
  }

  fetched(count: number, wanted: number): void {
    this.#lastFetched = count
    this.#shortEnds = 0
    this.#isBacklogged = count === wanted
    if (!this.#isBacklogged) this.#size = 0
  }

  ended(afterMs: number): void {
    if (afterMs < shortMs) this.#shortEnds += 1
    else this.reset()
  }

  reset(): void {
    this.#size = 0
    this.#shortEnds = 0
  }
}

/** Rounds a fetch down to a power of two: its size is part of the statement, and each connection plans each size once. */
export function fetchSize(wanted: number): number {
  return wanted <= 4 ? wanted : 2 ** Math.floor(Math.log2(wanted))
}
