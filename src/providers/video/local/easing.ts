export const clamp = (x: number, low = 0, high = 1): number => Math.min(high, Math.max(low, x))

/** Eases from 0 to 1 with an overshoot. */
export function backOut(x: number): number {
  const overshoot = 1.4
  const rest = clamp(x) - 1
  return 1 + (overshoot + 1) * rest ** 3 + overshoot * rest ** 2
}

/** Random numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function createSeededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
