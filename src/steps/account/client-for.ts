import type { StepContext } from '../../durable/step.ts'
import type { TikTokClient } from '../../providers/tiktok/client.ts'
import type { StepDeps } from '../step-deps.ts'

/** TikTok's client as it calls for a job: limits and breakers know by that whose call it is, and whether it is a retry. */
export function clientFor(
  { tiktok }: Pick<StepDeps, 'tiktok'>,
  { organizationId, jobId }: Pick<StepContext, 'organizationId' | 'jobId'>,
  // A step that was pending before its machine told its attempts has none.
  { accountId, attempts = 0 }: { readonly accountId: string; readonly attempts?: number },
): TikTokClient {
  return tiktok.forCaller({ organizationId, accountId, requester: jobId }, attempts + 1)
}
