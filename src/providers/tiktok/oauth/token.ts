import { z } from 'zod'
import { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify } from '../http/classify.ts'
import { type AppCredential, postForm } from '../http/post-form.ts'
import type { Upstream } from '../http/upstream.ts'

export interface AuthorizationCode {
  /** Decoded once, as `URLSearchParams` does it. */
  readonly code: Secret
  /** Byte for byte the one of the authorize request. */
  readonly redirectUri: string
  readonly codeVerifier: Secret
}

export interface TokenGrant {
  readonly accessToken: Secret
  readonly refreshToken: Secret
  /** What remains, from now. Two hours by TikTok's newest pages, a day by its older ones: never assume. */
  readonly expiresInSeconds: number
  readonly refreshExpiresInSeconds: number
  /** The creator, as this app knows them. */
  readonly openId: string
  /** What was granted, which may be less than what was asked. */
  readonly scopes: readonly string[]
}

/** Trades the code of the callback for the first pair of tokens; a code works once. */
export function exchangeCode(
  api: Upstream,
  app: AppCredential,
  { code, redirectUri, codeVerifier }: AuthorizationCode,
  signal?: AbortSignal,
): Promise<Answer<{ readonly grant: TokenGrant }>> {
  return askForTokens(
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

/** Trades a refresh token for the next pair. After `unknown` the old token may already be dead. */
export function refreshToken(
  api: Upstream,
  app: AppCredential,
  token: Secret,
  signal?: AbortSignal,
): Promise<Answer<{ readonly grant: TokenGrant }>> {
  return askForTokens(api, app, { grant_type: 'refresh_token', refresh_token: token.reveal() }, signal)
}

const success = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1),
  expires_in: z.number(),
  refresh_expires_in: z.number(),
  open_id: z.string().min(1),
  scope: z.string(),
})

async function askForTokens(
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
