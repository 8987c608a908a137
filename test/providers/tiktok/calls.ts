import type { TikTokClient } from '../../../src/providers/tiktok/client.ts'
import { Secret } from '../../../src/secret.ts'
import { apiCalls } from './api-calls.ts'
import type { Call } from './call.ts'
import { oauthCalls } from './oauth-calls.ts'
import { chunk } from './support.ts'

export const calls: readonly Call[] = [...oauthCalls, ...apiCalls]

/** A chunk's upload needs a URL of its own. */
export const sendChunk = (client: TikTokClient, base: string, signal?: AbortSignal) =>
  client.putChunk(new Secret(`${base}/video/?upload_token=t`), chunk(0, 9), signal)
