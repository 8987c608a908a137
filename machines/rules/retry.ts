import { stepErrorOf } from './failure.ts'

/**
 * The one policy for trying again. Which failures: `isWorthRepeating`, and whatever got no answer for want of time or of a
 * connection. When: `waitMs`. How often: `mostAttempts`. What all processes may try again together: `retry-budget.ts`.
 *
 * Nobody else retries: a call is made once and has a deadline, its step answers `retry`, and the machine keeps in its
 * checkpoint how often that was and when the next time is.
 */

/** A step that is tried in vain this often in a row is left to a person. */
export const maxAttempts = 20

/** Exponential: 1 s, 2 s, 4 s, 8 s … at most 60 s. */
export const initialBackoffSeconds = 1
export const maxBackoffSeconds = 60

/** Whoever was told the same time comes up to this part of it later, so that they do not all come at once. */
export const maxJitter = 0.2
/** An upstream that asks for more time than this is asked again all the same: nobody means a year. */
export const maxRetryAfterSeconds = 86_400

/**
 * Whether an answer of this HTTP status may be another one next time: 429, 500, 502, 503 and 504, and 408, by which a server
 * says that it had no patience. The other 5xx, most of them made up by gateways, count as 500 (RFC 9110, section 15).
 */
export function isRetryableStatus(httpStatus: number): boolean {
  return httpStatus === 408 || httpStatus === 429 || httpStatus >= 500
}

/**
 * How long to wait before attempt `attempt + 1`, in milliseconds: 50 to 100 % of the exponential, and never sooner than the
 * upstream asked by `Retry-After`. Chance comes from the job's own id and attempt, so that the machine stays pure.
 */
export function backoffMs(seed: string, attempt: number, afterSeconds = 0): number {
  const full = Math.min(maxBackoffSeconds, initialBackoffSeconds * 2 ** Math.max(0, attempt - 1)) * 1_000
  const asked = Math.min(maxRetryAfterSeconds, afterSeconds) * 1_000
  const jitter = pseudoRandom(`${seed}/${attempt}`)
  return Math.ceil(Math.max(full * (0.5 + jitter / 2), asked * (1 + jitter * maxJitter)))
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
  const isDeferred = 'error' in event && stepErrorOf(event).kind === 'deferred'
  return isDeferred ? Math.ceil(afterSeconds * 1_000) : backoffMs(seed, attempts, afterSeconds)
}

/**
 * A number in [0, 1) that follows from a text (FNV-1a, finished like MurmurHash 3). By FNV alone the numbers of one attempt
 * and the next, texts that differ in their last letter, go together by 91 %: who was late once would be late each time.
 */
function pseudoRandom(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
