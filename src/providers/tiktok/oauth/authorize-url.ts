/** What a person is asked for, and where they come back to. */
export interface AuthorizeRequest {
  /** Byte for byte a registered one: absolute, under 512 characters, without query or fragment. */
  readonly redirectUri: string
  readonly scopes: readonly string[]
  /** Random, against forgery; comes back as it is. */
  readonly state: string
  /** Of `challengeOf`. */
  readonly codeChallenge: string
  /** Shows the consent page even to somebody who has a live session; without it nobody can choose another account. */
  readonly alwaysAsk?: boolean
}

/** The address of TikTok's authorize page, for a browser. Source: Login Kit for Web, and for Desktop (PKCE). */
export function authorizeUrl({
  base,
  clientKey,
  ...request
}: AuthorizeRequest & { readonly base: string; readonly clientKey: string }): string {
  const query = new URLSearchParams({
    client_key: clientKey,
    response_type: 'code',
    // Commas, not the spaces of RFC 6749.
    scope: request.scopes.join(','),
    redirect_uri: request.redirectUri,
    state: request.state,
    code_challenge: request.codeChallenge,
    code_challenge_method: 'S256',
    ...(request.alwaysAsk && { disable_auto_auth: '1' }),
  })
  return `${base}/v2/auth/authorize/?${query}`
}
