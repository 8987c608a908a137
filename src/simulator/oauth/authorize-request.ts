import type { LocalApp } from '../record.ts'
import type { SimulatorSettings } from '../settings.ts'
import { scopeMeanings } from './scope.ts'

/** What an app asks of a person, once its query has been found right. */
export interface AuthorizeRequest {
  readonly redirectUri: string
  readonly state: string
  readonly scopes: readonly string[]
  /** Empty when there is none. */
  readonly challenge: string
}

export type CheckedRequest =
  | { readonly kind: 'right'; readonly request: AuthorizeRequest }
  | { readonly kind: 'wrong'; readonly parameter: string }

/** Checks the query of an authorize page as TikTok does, and names the first parameter that is wrong. */
export function checkAuthorizeRequest(
  app: LocalApp,
  settings: SimulatorSettings,
  query: URLSearchParams,
): CheckedRequest {
  const request: AuthorizeRequest = {
    redirectUri: query.get('redirect_uri') ?? '',
    state: query.get('state') ?? '',
    scopes: listOf(query.get('scope')),
    challenge: query.get('code_challenge') ?? '',
  }
  const parameter = firstMistake(app, settings, query, request)
  return parameter === undefined ? { kind: 'right', request } : { kind: 'wrong', parameter }
}

/** TikTok separates by commas. */
export function listOf(text: string | null): readonly string[] {
  return (text ?? '').split(',').filter((item) => item !== '')
}

function firstMistake(
  app: LocalApp,
  settings: SimulatorSettings,
  query: URLSearchParams,
  { redirectUri, scopes, challenge }: AuthorizeRequest,
): string | undefined {
  if (query.get('client_key') !== app.clientKey) return 'client_key'
  if (query.get('response_type') !== 'code') return 'response_type'
  const registered = [app.redirectUri, ...app.redirectUris]
  if (!registered.some((uri) => isRegistered(uri, redirectUri))) return 'redirect_uri'
  if (scopes.length === 0 || scopes.some((scope) => !(scope in scopeMeanings))) return 'scope'
  if (challenge === '' && !settings.requirePkce) return undefined
  if (query.get('code_challenge_method') !== 'S256') return 'code_challenge_method'
  return challengeForms[settings.challengeEncoding].test(challenge) ? undefined : 'code_challenge'
}

/** A SHA-256 in each of its writings; TikTok wants lower-case hex, where RFC 7636 has base64url. */
const challengeForms = {
  hex: /^[0-9a-f]{64}$/,
  base64url: /^[\w-]{43}$/,
  either: /^(?:[0-9a-f]{64}|[\w-]{43})$/,
}

/** Byte for byte, but for a registered port of `*`, which TikTok allows on loopback. */
function isRegistered(registered: string, wanted: string): boolean {
  const [before, after] = registered.split(':*')
  if (after === undefined) return wanted === registered
  return (
    URL.canParse(wanted) &&
    wanted === `${before}:${new URL(wanted).port}${after}` &&
    new URL(wanted).port !== ''
  )
}
