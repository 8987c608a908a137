import { stepErrorOf } from './failure.ts'

/**
 * The retry policy. Which failures: `isRetryableStatus`, timeouts and lost connections. When: `waitMs`. How often:
 * `maxAttempts`. Across all processes: `retry-budget.ts`.
 *
 * Nothing else retries: a call is made once with a deadline, its step returns `retry`, and the machine keeps the attempts and
 * the next time in its checkpoint.
 */

/** Consecutive failed attempts of a step before a person decides. */
export const maxAttempts = 20

/** Exponential: 1 s, 2 s, 4 s, 8 s … at most 60 s. */
export const initialBackoffSeconds = 1
export const maxBackoffSeconds = 60

/** Maximum jitter, as a fraction of the delay that the server requested, so that clients do not retry in lockstep. */
export const maxJitter = 0.2
/** Cap on `Retry-After`: larger values are almost certainly mistakes. */
export const maxRetryAfterSeconds = 86_400

/**
 * Whether a response of this HTTP status may succeed on a retry: 408, 429 and 5xx. Unknown 5xx, mostly from gateways, count as
 * 500 (RFC 9110, section 15).
 */
export function isRetryableStatus(httpStatus: number): boolean {
  return httpStatus === 408 || httpStatus === 429 || httpStatus >= 500
}

/**
 * Milliseconds before attempt `attempt + 1`: 50 to 100 % of the exponential back-off, and never less than the upstream's
 * `Retry-After`. The jitter derives from the seed and the attempt, so that the machine stays pure.
 */
export function backoffMs(seed: string, attempt: number, afterSeconds = 0): number {
  const full = Math.min(maxBackoffSeconds, initialBackoffSeconds * 2 ** Math.max(0, attempt - 1)) * 1_000
  const requestedMs = Math.min(maxRetryAfterSeconds, afterSeconds) * 1_000
  const jitter = pseudoRandom(`${seed}/${attempt}`)
  return Math.ceil(Math.max(full * (0.5 + jitter / 2), requestedMs * (1 + jitter * maxJitter)))
}

/**
 * Milliseconds before a step is performed again after its error: exactly the given delay if it was deferred, because a
 * rate-limit reservation expires soon; a back-off if it failed.
 */
export function waitMs(
  seed: string,
  { attempts, afterSeconds }: { readonly attempts: number; readonly afterSeconds: number },
  event: object,
): number {
  const isDeferred = 'error' in event && stepErrorOf(event).kind === 'deferred'
  return isDeferred ? Math.ceil(afterSeconds * 1_000) : backoffMs(seed, attempts, afterSeconds)
}

/**
 * A deterministic number in [0, 1) from a text: FNV-1a with MurmurHash 3's finaliser. With FNV alone the numbers of
 * consecutive attempts, whose texts differ in the last letter, correlate by 91 %.
 */
function pseudoRandom(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
