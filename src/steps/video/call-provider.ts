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

/** The breaker that stands before a video provider. */
export function breakerKeyOf({ id }: Pick<VideoProvider, 'id'>): string {
  return `video/${id}`
}

/**
 * Calls the video provider through its breaker; a step that was tried in vain before makes a retry. Held, nothing was sent:
 * the step answers `parked`. What the provider throws goes through.
 */
export async function callProvider<Value>(
  { videos, withBreaker }: Pick<StepDeps, 'videos' | 'withBreaker'>,
  signal: AbortSignal,
  // A step that was pending before its machine told its attempts has none.
  { attempts = 0 }: { readonly attempts?: number },
  call: (videos: VideoProvider) => Promise<Value>,
): Promise<{ readonly kind: 'ran'; readonly value: Value } | Deferred> {
  return await withBreaker(
    { key: breakerKeyOf(videos), attempt: attempts + 1 },
    () => call(videos),
    // Whatever a call looks like that we have cut short ourselves, it says nothing of the provider.
    (error) => (signal.aborted ? { kind: 'notExecuted' } : providerOutcome(error)),
  )
}

/** A "no" is an answer. What is none of the provider's own errors is a bug of ours, and says nothing. */
function providerOutcome(error: unknown): CallOutcome {
  if (error instanceof SubmitRejected) return { kind: 'success' }
  const isFailure = [SubmitNotSent, SubmitUnknown, PollTransient].some((kind) => error instanceof kind)
  return { kind: isFailure ? 'failure' : 'ignored' }
}
