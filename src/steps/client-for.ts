import type { TikTokClient } from '../providers/tiktok/client.ts'
import type { StepDeps } from './deps.ts'

/** TikTok's client as it calls for one account: limits and breakers know by that whose call it is. */
export function clientFor(
  { tiktok }: Pick<StepDeps, 'tiktok'>,
  { organizationId, accountId }: { readonly organizationId: string; readonly accountId: string },
): TikTokClient {
  return tiktok.as(`${organizationId}/${accountId}`)
}
