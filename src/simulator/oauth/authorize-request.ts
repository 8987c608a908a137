import type { LocalApp } from '../record.ts'
import type { SimulatorSettings } from '../settings.ts'
import { scopeDescriptions } from './scope.ts'

/** A valid authorize request of an app. */
export interface AuthorizeRequest {
  readonly redirectUri: string
  readonly state: string
  readonly scopes: readonly string[]
  /** The code challenge; empty without one. */
  readonly challenge: string
}

export type CheckedRequest =
  | { readonly kind: 'valid'; readonly request: AuthorizeRequest }
  | { readonly kind: 'invalid'; readonly parameter: string }

/** Checks the query of the authorize page as TikTok does and names the first invalid parameter. */
export function checkAuthorizeRequest(
  app: LocalApp,
  settings: SimulatorSettings,
  query: URLSearchParams,
): CheckedRequest {
  const request: AuthorizeRequest = {
    redirectUri: query.get('redirect_uri') ?? '',
    state: query.get('state') ?? '',
    scopes: splitCommas(query.get('scope')),
    challenge: query.get('code_challenge') ?? '',
  }
  const parameter = firstInvalidParameter(app, settings, query, request)
  return parameter === undefined ? { kind: 'valid', request } : { kind: 'invalid', parameter }
}

/** Splits a list as TikTok writes it. */
export function splitCommas(text: string | null): readonly string[] {
  return (text ?? '').split(',').filter((item) => item !== '')
}

function firstInvalidParameter(
  app: LocalApp,
  settings: SimulatorSettings,
  query: URLSearchParams,
  { redirectUri, scopes, challenge }: AuthorizeRequest,
): string | undefined {
  if (query.get('client_key') !== app.clientKey) return 'client_key'
  if (query.get('response_type') !== 'code') return 'response_type'
  const registered = [app.redirectUri, ...app.redirectUris]
  if (!registered.some((uri) => isRegistered(uri, redirectUri))) return 'redirect_uri'
  if (scopes.length === 0 || scopes.some((scope) => !(scope in scopeDescriptions))) return 'scope'
  if (challenge === '' && !settings.requirePkce) return undefined
  if (query.get('code_challenge_method') !== 'S256') return 'code_challenge_method'
  return challengePatterns[settings.challengeEncoding].test(challenge) ? undefined : 'code_challenge'
}

/** The encodings of a SHA-256 challenge. TikTok requires lower-case hex, RFC 7636 base64url. */
const challengePatterns = {
  hex: /^[0-9a-f]{64}$/,
  base64url: /^[\w-]{43}$/,
  either: /^(?:[0-9a-f]{64}|[\w-]{43})$/,
}

/** Compares byte by byte, except for a registered port of `*`, which TikTok allows on loopback. */
function isRegistered(registered: string, wanted: string): boolean {
  const [before, after] = registered.split(':*')
  if (after === undefined) return wanted === registered
  return (
    URL.canParse(wanted) &&
    wanted === `${before}:${new URL(wanted).port}${after}` &&
    new URL(wanted).port !== ''
  )
}
