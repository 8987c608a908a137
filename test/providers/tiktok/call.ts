import type { TikTokClient } from '../../../src/providers/tiktok/client.ts'
import type { GuardedCall } from '../../../src/providers/tiktok/http/guard.ts'

/** One call of the client, and what it sends and answers. */
export interface Call {
  readonly endpoint: GuardedCall['endpoint']
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly perform: (client: TikTokClient, signal?: AbortSignal) => Promise<{ readonly kind: string }>
  /** TikTok's answer to a successful call. */
  readonly success: unknown
  readonly expected: Readonly<Record<string, unknown>>
  /** The request's JSON body or form. */
  readonly sent?: unknown
}
