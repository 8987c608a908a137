import { randomBytes } from 'node:crypto'
import { putAccount } from './account.ts'
import { allScopes } from './grant.ts'
import type { Account } from './record.ts'
import { type Reply, refuse } from './reply.ts'
import { accountNamed, type Call, type World } from './world.ts'

/**
 * `GET /v2/auth/authorize/`: checks the request as TikTok's page does and approves at once.
 *
 * Of the local kind: `local_account` names the account that signs in (else the newest one, else a demo account), `deny=1`
 * refuses, and `grant=a,b` grants a part of what was asked.
 */
export async function authorize(world: World, { url }: Call): Promise<Reply> {
  const query = url.searchParams
  const redirectUri = query.get('redirect_uri') ?? ''
  const scopes = (query.get('scope') ?? '').split(',').filter((scope) => scope !== '')
  const challenge = query.get('code_challenge') ?? ''

  const mistake = firstMistake(world, query, redirectUri, scopes, challenge)
  // Like TikTok, which shows an error page of its own: a redirect that is not registered gets nothing sent to it.
  if (mistake) return refuse(400, 'invalid_request', mistake, world.now())

  const target = new URL(redirectUri)
  target.searchParams.set('state', query.get('state') ?? '')
  if (query.get('deny') === '1') {
    target.searchParams.set('error', 'access_denied')
    target.searchParams.set('error_description', 'The user denied the request')
    return { status: 302, headers: { location: target.href } }
  }

  const granted = query.get('grant')?.split(',')
  const given = granted ? scopes.filter((scope) => granted.includes(scope)) : scopes
  // Real codes contain characters that a query escapes, so that decoding twice or never shows.
  const code = `${randomBytes(24).toString('base64url')}*0!4${randomBytes(4).toString('hex')}.va`
  world.book.put('code', code, {
    code,
    openId: signedIn(world, query.get('local_account')).openId,
    scopes: given,
    redirectUri,
    challenge,
    expiresAt: world.now() + world.knobs().codeTtlSeconds * 1000,
    used: false,
  })
  target.searchParams.set('code', code)
  target.searchParams.set('scopes', given.join(','))
  return { status: 302, headers: { location: target.href } }
}

function firstMistake(
  { app }: World,
  query: URLSearchParams,
  redirectUri: string,
  scopes: readonly string[],
  challenge: string,
): string | undefined {
  if (query.get('client_key') !== app.clientKey) return 'client_key'
  if (query.get('response_type') !== 'code') return 'response_type'
  if (!isRegistered(app.redirectUri, redirectUri)) return 'redirect_uri'
  if (scopes.length === 0 || scopes.some((scope) => !knownScopes.has(scope))) return 'scope'
  if (query.get('code_challenge_method') !== 'S256') return 'code_challenge_method'
  if (!/^[0-9a-f]{64}$/.test(challenge)) return 'code_challenge'
  return undefined
}

const knownScopes: ReadonlySet<string> = new Set([...allScopes, 'user.info.profile', 'user.info.stats'])

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

function signedIn(world: World, username: string | null): Account {
  const newest = [...world.book.all('account')].at(-1)
  if (username === null) return newest ?? putAccount(world, { username: 'demo_creator' })
  return accountNamed(world, username) ?? putAccount(world, { username })
}
