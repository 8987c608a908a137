import { createHash, randomBytes } from 'node:crypto'
import { Secret } from '../../../secret.ts'

/** What a person is asked to grant, and where TikTok redirects them afterwards. */
export interface AuthorizeRequest {
  /** Equal to a registered one, byte for byte: absolute, under 512 characters, without query or fragment. */
  readonly redirectUri: string
  readonly scopes: readonly string[]
  /** Random, against request forgery. TikTok returns it unchanged. */
  readonly state: string
  /** From `codeChallengeOf`. */
  readonly codeChallenge: string
  /** Shows the consent page even when a session exists; otherwise the person cannot choose another account. */
  readonly alwaysShowConsent?: boolean
}

/** The URL of TikTok's authorize page, for a browser. Source: Login Kit for Web, and for Desktop (PKCE). */
export function authorizeUrl({
  base,
  clientKey,
  ...request
}: AuthorizeRequest & { readonly base: string; readonly clientKey: string }): string {
  const query = new URLSearchParams({
    client_key: clientKey,
    response_type: 'code',
    // TikTok wants commas, where RFC 6749 has spaces.
    scope: request.scopes.join(','),
    redirect_uri: request.redirectUri,
    state: request.state,
    code_challenge: request.codeChallenge,
    code_challenge_method: 'S256',
    ...(request.alwaysShowConsent && { disable_auto_auth: '1' }),
  })
  return `${base}/v2/auth/authorize/?${query}`
}

/** A new PKCE verifier of 64 characters. TikTok allows 43–128 of `A–Z a–z 0–9 - . _ ~`. Store it with the state. */
export function createCodeVerifier(): Secret {
  return new Secret(randomBytes(48).toString('base64url'))
}

/**
 * The code challenge for the authorize page: SHA-256 in lower-case hex. TikTok deviates here from RFC 7636, and so from
 * every stock OAuth library, which use base64url. Source: Login Kit for Desktop.
 */
export function codeChallengeOf(verifier: Secret): string {
  return createHash('sha256').update(verifier.reveal()).digest('hex')
}
