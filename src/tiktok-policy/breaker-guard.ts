import { findingOfAccount, findingOfHost } from '../circuit-breaker/outcome.ts'
import type { BreakerDeps } from '../circuit-breaker/permit.ts'
import { throughBreakers, type Watch } from '../circuit-breaker/with-breaker.ts'
import type { Answer } from '../providers/tiktok/http/answer.ts'
import type { Guard, GuardedCall } from '../providers/tiktok/http/guard.ts'

/** The breakers of TikTok's two hosts. */
export const tiktokBreaker = 'tiktok'
export const tiktokUploadBreaker = 'tiktok-upload'

export interface BreakerGuardOptions extends BreakerDeps {
  /** The client's deadline for a call, and for a chunk: 30 seconds and 5 minutes unless told. */
  readonly deadlineMs?: number
  readonly chunkDeadlineMs?: number
}

/**
 * Turns calls to TikTok away (`held`, reason `circuitOpen`) while their host is open, or their account; and retries
 * (`retryBudget`) while the host's budget for them is empty. To an account belongs what shows its access token; what
 * renews or ends its grant goes on when its token is refused, for that is the cure.
 */
export function createBreakerGuard(options: BreakerGuardOptions): Guard {
  const { deadlineMs = 30_000, chunkDeadlineMs = 300_000 } = options
  return async (call, run) => {
    const isChunk = call.endpoint === 'upload'
    const watches: readonly Watch<Answer<unknown>>[] = [
      { key: isChunk ? tiktokUploadBreaker : tiktokBreaker, accountId: null, judge: findingOfHost },
      ...watchesOfAccount(call),
    ]
    const withinMs = (isChunk ? chunkDeadlineMs : deadlineMs) + recordingMs
    const through = await throughBreakers(options, { watches, attempt: call.attempt ?? 1, withinMs }, run)
    return through.kind === 'ran' ? through.outcome : through
  }
}

/** An upload's address is its own credential, and OAuth's calls are about the token itself. */
const tokenless: ReadonlySet<GuardedCall['endpoint']> = new Set(['upload', 'token', 'revoke'])

/** Besides its own deadline a call needs some time until it is written down. */
const recordingMs = 5_000

function watchesOfAccount({ endpoint, caller }: GuardedCall): readonly Watch<Answer<unknown>>[] {
  if (!caller || tokenless.has(endpoint)) return []
  const { accountId } = caller
  return [{ key: `${tiktokBreaker}/${accountId}`, accountId, judge: findingOfAccount }]
}
