import type { BreakerDeps } from '../circuit-breaker/permit.ts'
import { type BreakerGuard, withBreakers } from '../circuit-breaker/with-breaker.ts'
import type { Answer } from '../providers/tiktok/http/answer.ts'
import type { Guard, GuardedCall } from '../providers/tiktok/http/guard.ts'
import { accountOutcome, hostOutcome } from './outcome-of-answer.ts'

/** The breakers of TikTok's two hosts. */
export const tiktokBreaker = 'tiktok'
export const tiktokUploadBreaker = 'tiktok-upload'

export interface BreakerGuardOptions extends BreakerDeps {
  /** The client's deadline of a call. Default: 30 s. */
  readonly deadlineMs?: number
  /** The client's deadline of a chunk. Default: 5 minutes. */
  readonly chunkDeadlineMs?: number
}

/**
 * Defers TikTok calls while the breaker of their host or account is open (`circuitOpen`), and retries while the host's retry
 * budget is empty (`retryBudget`). An account's breaker guards the calls that present its access token; calls that renew or
 * revoke the token pass, because they are the cure for a refused one.
 */
export function createBreakerGuard(options: BreakerGuardOptions): Guard {
  const { deadlineMs = 30_000, chunkDeadlineMs = 300_000 } = options
  return async (call, run) => {
    const isChunk = call.endpoint === 'upload'
    const guards: readonly BreakerGuard<Answer<unknown>>[] = [
      { key: isChunk ? tiktokUploadBreaker : tiktokBreaker, accountId: null, outcomeOf: hostOutcome },
      ...accountGuards(call),
    ]
    const timeoutMs = (isChunk ? chunkDeadlineMs : deadlineMs) + recordingMs
    const guarded = await withBreakers(options, { guards, attempt: call.attempt ?? 1, timeoutMs }, run)
    return guarded.kind === 'ran' ? guarded.result : guarded
  }
}

/** An upload's address is its own credential, and OAuth calls are about the token itself. */
const tokenlessEndpoints: ReadonlySet<GuardedCall['endpoint']> = new Set(['upload', 'token', 'revoke'])

/** The time that recording the outcome can take after the call's own deadline. */
const recordingMs = 5_000

function accountGuards({ endpoint, caller }: GuardedCall): readonly BreakerGuard<Answer<unknown>>[] {
  if (!caller || tokenlessEndpoints.has(endpoint)) return []
  const { accountId } = caller
  return [{ key: `${tiktokBreaker}/${accountId}`, accountId, outcomeOf: accountOutcome }]
}
