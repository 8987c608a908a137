import type { Secret } from '../../../secret.ts'
import { type Exchange, exchange, type Upstream } from './upstream.ts'

/** POSTs JSON with an access token, as the `/v2/post/…` and `/v2/video/…` calls require. `path` keeps its trailing slash. */
export function postJson(
  api: Upstream,
  path: string,
  accessToken: Secret,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<Exchange> {
  return exchange(
    api,
    api.base + path,
    {
      method: 'POST',
      headers: {
        authorization: `Bearer ${accessToken.reveal()}`,
        'content-type': 'application/json; charset=UTF-8',
      },
      body: JSON.stringify(body),
    },
    signal,
  )
}
