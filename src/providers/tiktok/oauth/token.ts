import { z } from 'zod'
import { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify } from '../http/classify.ts'
import { type AppCredential, postForm } from '../http/post-form.ts'
import type { Upstream } from '../http/upstream.ts'

export interface AuthorizationCode {
  /** Decoded once, as `URLSearchParams` does it. */
  readonly code: Secret
  /** Equal to the authorize request's, byte for byte. */
  readonly redirectUri: string
  readonly codeVerifier: Secret
}

export interface TokenGrant {
  readonly accessToken: Secret
  readonly refreshToken: Secret
  /** From now. Two hours by TikTok's newest pages, a day by its older ones: never assume a value. */
  readonly expiresInSeconds: number
  readonly refreshExpiresInSeconds: number
  /** The creator's id, which is specific to this app. */
  readonly openId: string
  /** The granted scopes, which may be fewer than the requested ones. */
  readonly scopes: readonly string[]
}

/** Exchanges the callback's code for the first pair of tokens. A code works once. */
export function exchangeCode(
  api: Upstream,
  app: AppCredential,
  { code, redirectUri, codeVerifier }: AuthorizationCode,
  signal?: AbortSignal,
): Promise<Answer<{ readonly grant: TokenGrant }>> {
  return requestTokens(
    api,
    app,
    {
      grant_type: 'authorization_code',
      code: code.reveal(),
      redirect_uri: redirectUri,
      code_verifier: codeVerifier.reveal(),
    },
    signal,
  )
}

/** Exchanges a refresh token for the next pair. After `unknown` the old token may already be invalid. */
export function refreshToken(
  api: Upstream,
  app: AppCredential,
  token: Secret,
  signal?: AbortSignal,
): Promise<Answer<{ readonly grant: TokenGrant }>> {
  return requestTokens(api, app, { grant_type: 'refresh_token', refresh_token: token.reveal() }, signal)
}

/**
 * TikTok: `POST /v2/oauth/revoke/`. Disconnects the app from the creator's account; TikTok then sends the webhook
 * `authorization.removed`. Takes the access token, not the refresh token. TikTok reports success by an empty object or an
 * empty body.
 */
export async function revoke(
  api: Upstream,
  app: AppCredential,
  accessToken: Secret,
  signal?: AbortSignal,
): Promise<Answer<unknown>> {
  const answered = await postForm(api, '/v2/oauth/revoke/', app, { token: accessToken.reveal() }, signal)
  const isEmpty = answered.kind === 'answered' && answered.text.trim() === ''
  const answer = classify(isEmpty ? { ...answered, text: '{}' } : answered, z.object(), { exactOnly: true })
  return answer.kind === 'ok' ? { kind: 'ok' } : answer
}

const success = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1),
  expires_in: z.number(),
  refresh_expires_in: z.number(),
  open_id: z.string().min(1),
  scope: z.string(),
})

async function requestTokens(
  api: Upstream,
  app: AppCredential,
  grant: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<Answer<{ readonly grant: TokenGrant }>> {
  const answer = classify(await postForm(api, '/v2/oauth/token/', app, grant, signal), success)
  if (answer.kind !== 'ok') return answer

  const { body } = answer
  return {
    kind: 'ok',
    grant: {
      accessToken: new Secret(body.access_token),
      refreshToken: new Secret(body.refresh_token),
      expiresInSeconds: body.expires_in,
      refreshExpiresInSeconds: body.refresh_expires_in,
      openId: body.open_id,
      scopes: body.scope.split(',').filter((scope) => scope !== ''),
    },
  }
}
