/** Exponential: 1 s, 2 s, 4 s, 8 s … at most 60 s. */
export const firstBackoffSeconds = 1
export const longestBackoffSeconds = 60

/**
 * How long to wait before attempt `attempt + 1`, in milliseconds. Chance comes from the job's own id and attempt,
 * so that the machine stays pure: 50 to 100 % of the exponential, and never sooner than the upstream asked.
 */
export function backoffMs(seed: string, attempt: number, afterSeconds = 0): number {
  const full = Math.min(longestBackoffSeconds, firstBackoffSeconds * 2 ** Math.max(0, attempt - 1)) * 1_000
  return Math.max(Math.round(full * (0.5 + chance(`${seed}/${attempt}`) / 2)), afterSeconds * 1_000)
}

/** A number in [0, 1) that follows from a text (FNV-1a). */
function chance(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0
  }
  return hash / 2 ** 32
}
