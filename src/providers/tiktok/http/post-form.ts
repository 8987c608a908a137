import type { Secret } from '../../../secret.ts'
import { type Exchange, exchange, type Upstream } from './upstream.ts'

/** The app's OAuth credential. Every OAuth call needs it, revocation included. */
export interface AppCredential {
  readonly clientKey: string
  readonly clientSecret: Secret
}

/** POSTs a form with the app's credential, as every `/v2/oauth/…` call requires. `path` keeps its trailing slash. */
export function postForm(
  api: Upstream,
  path: string,
  app: AppCredential,
  fields: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<Exchange> {
  const form = new URLSearchParams({
    client_key: app.clientKey,
    client_secret: app.clientSecret.reveal(),
    ...fields,
  })
  return exchange(
    api,
    api.base + path,
    {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'cache-control': 'no-cache' },
      body: form.toString(),
    },
    signal,
  )
}
