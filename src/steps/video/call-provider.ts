import type { CallOutcome } from '../../circuit-breaker/outcome.ts'
import type { Deferred } from '../../providers/deferred.ts'
import {
  PollTransient,
  SubmitNotSent,
  SubmitRejected,
  SubmitUnknown,
  type VideoProvider,
} from '../../providers/video/provider.ts'
import type { StepDeps } from '../step-deps.ts'

/** The key of a video provider's circuit breaker. */
export function breakerKeyOf({ id }: Pick<VideoProvider, 'id'>): string {
  return `video/${id}`
}

/**
 * Calls the video provider through its circuit breaker. Attempts after the first count as retries. `deferred` means that
 * nothing was sent. Errors that the provider throws pass through.
 */
export async function callProvider<Value>(
  { videos, withBreaker }: Pick<StepDeps, 'videos' | 'withBreaker'>,
  signal: AbortSignal,
  // A step that became pending under an older machine version has no attempts.
  { attempts = 0 }: { readonly attempts?: number },
  call: (videos: VideoProvider) => Promise<Value>,
): Promise<{ readonly kind: 'ran'; readonly value: Value } | Deferred> {
  return await withBreaker(
    { key: breakerKeyOf(videos), attempt: attempts + 1 },
    () => call(videos),
    // A call that we aborted ourselves says nothing about the provider.
    (error) => (signal.aborted ? { kind: 'notExecuted' } : providerOutcome(error)),
  )
}

/** A rejection shows that the provider works. An error that is not the provider's own is a bug of ours and says nothing. */
function providerOutcome(error: unknown): CallOutcome {
  if (error instanceof SubmitRejected) return { kind: 'success' }
  const isFailure = [SubmitNotSent, SubmitUnknown, PollTransient].some((kind) => error instanceof kind)
  return { kind: isFailure ? 'failure' : 'ignored' }
}
