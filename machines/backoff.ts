import { stepErrorOf } from './failure.ts'

/** Exponential: 1 s, 2 s, 4 s, 8 s … at most 60 s. */
export const firstBackoffSeconds = 1
export const longestBackoffSeconds = 60

/** Whoever was told the same time comes up to this part of it later, so that they do not all come at once. */
const spread = 0.2

/**
 * How long to wait before attempt `attempt + 1`, in milliseconds. Chance comes from the job's own id and attempt,
 * so that the machine stays pure: 50 to 100 % of the exponential, and never sooner than the upstream asked.
 */
export function backoffMs(seed: string, attempt: number, afterSeconds = 0): number {
  const full = Math.min(longestBackoffSeconds, firstBackoffSeconds * 2 ** Math.max(0, attempt - 1)) * 1_000
  const luck = chance(`${seed}/${attempt}`)
  return Math.round(Math.max(full * (0.5 + luck / 2), afterSeconds * 1_000 * (1 + luck * spread)))
}

/**
 * How long a machine waits before the step whose error it has just taken: exactly as long as it was told if it only was not
 * the step's turn, because a place in line is kept for a moment only; a back-off if the step was tried in vain.
 */
export function waitMs(
  seed: string,
  { attempts, afterSeconds }: { readonly attempts: number; readonly afterSeconds: number },
  event: object,
): number {
  const isParked = 'error' in event && stepErrorOf(event).kind === 'parked'
  return isParked ? Math.ceil(afterSeconds * 1_000) : backoffMs(seed, attempts, afterSeconds)
}

/** A number in [0, 1) that follows from a text (FNV-1a). */
function chance(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0
  }
  return hash / 2 ** 32
}
