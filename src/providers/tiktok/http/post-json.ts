import type { Secret } from '../../../secret.ts'
import { type Exchange, exchange, type Upstream } from './upstream.ts'

/** POSTs JSON under an access token, the way of every `/v2/post/…` call. `path` keeps its closing slash. */
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
