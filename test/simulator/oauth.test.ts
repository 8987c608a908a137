import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { Secret } from '../../src/secret.ts'
import { type Pair, startPair } from './support.ts'

const redirectUri = 'http://127.0.0.1:4000/oauth/tiktok/callback'
const verifier = randomBytes(32).toString('base64url')

/** Visits the authorize page and returns the query of the redirect. */
async function authorize({ local }: Pair, more: Record<string, string> = {}): Promise<URLSearchParams> {
  const query = new URLSearchParams({
    client_key: local.app.clientKey,
    response_type: 'code',
    scope: 'user.info.basic,video.publish',
    redirect_uri: redirectUri,
    state: 'anti-forgery',
    code_challenge: createHash('sha256').update(verifier).digest('hex'),
    code_challenge_method: 'S256',
    ...more,
  })
  const page = await fetch(`${local.url}/v2/auth/authorize/?${query}`, { redirect: 'manual' })
  const location = page.headers.get('location')
  if (!location) throw new Error(await page.text())
  return new URL(location).searchParams
}

function exchange(
  { client }: Pair,
  callback: URLSearchParams,
  more: { redirectUri?: string; verifier?: string } = {},
) {
  return client.exchangeCode({
    code: new Secret(callback.get('code') ?? ''),
    redirectUri: more.redirectUri ?? redirectUri,
    codeVerifier: new Secret(more.verifier ?? verifier),
  })
}

test('an authorization code is exchanged for one pair of tokens', async () => {
  const pair = await startPair()
  const callback = await authorize(pair)
  expect(callback.get('state')).toBe('anti-forgery')
  expect(callback.get('scopes')).toBe('user.info.basic,video.publish')

  const answer = await exchange(pair, callback)
  if (answer.kind !== 'ok') throw new Error(answer.kind)
  expect(answer.grant).toMatchObject({
    expiresInSeconds: 7200,
    refreshExpiresInSeconds: 15_552_000,
    scopes: ['user.info.basic', 'video.publish'],
  })
  expect(await pair.client.creatorInfo(answer.grant.accessToken)).toMatchObject({
    creator: { username: 'ann' },
  })
  expect(await exchange(pair, callback)).toMatchObject({ kind: 'refused', code: 'invalid_grant' })
})

test('an authorization code is refused with another redirect URI, another verifier or after it expired', async () => {
  const pair = await startPair()
  const callback = await authorize(pair)
  expect(await exchange(pair, callback, { redirectUri: `${redirectUri}/` })).toMatchObject({
    code: 'invalid_request',
  })
  expect(await exchange(pair, callback, { verifier: 'guess' })).toMatchObject({ code: 'invalid_request' })
  pair.local.advance(300)
  expect(await exchange(pair, callback)).toMatchObject({ code: 'invalid_grant' })
})

test('the authorize page refuses the parameters that TikTok refuses', async () => {
  const pair = await startPair()
  const mistakes = {
    client_key: 'somebody',
    response_type: 'token',
    redirect_uri: 'http://127.0.0.1:4000/elsewhere',
    scope: 'everything',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'plain',
  }
  for (const [name, value] of Object.entries(mistakes)) {
    await expect(authorize(pair, { [name]: value })).rejects.toThrow(name)
  }
})

test('the authorize page can deny, grant fewer scopes or sign in another account', async () => {
  const pair = await startPair()
  expect((await authorize(pair, { deny: '1' })).get('error')).toBe('access_denied')
  expect((await authorize(pair, { grant: 'video.publish' })).get('scopes')).toBe('video.publish')
  await authorize(pair, { local_account: 'ben' })
  expect(pair.local.accounts().map(({ username }) => username)).toEqual(['ann', 'ben'])
})

test('a refresh token works once; reuse is refused and counted', async () => {
  const { client, local } = await startPair()
  const first = new Secret(local.grant('ann').refresh_token)
  const answer = await client.refreshToken(first)
  if (answer.kind !== 'ok') throw new Error(answer.kind)
  expect(await client.creatorInfo(answer.grant.accessToken)).toMatchObject({ kind: 'ok' })

  expect(await client.refreshToken(first)).toMatchObject({ kind: 'refused', code: 'invalid_grant' })
  expect((await client.refreshToken(answer.grant.refreshToken)).kind).toBe('ok')
  expect(local.counters()).toMatchObject({ refreshes: 2, refreshReuse: 1 })
})

test('a refresh token expires, and an OAuth refusal can have status 200', async () => {
  const { client, local } = await startPair({ oauthErrorStatus: 200 })
  const token = new Secret(local.grant('ann').refresh_token)
  local.advance(15_552_000)
  expect(await client.refreshToken(token)).toMatchObject({
    kind: 'refused',
    httpStatus: 200,
    code: 'invalid_grant',
  })
})
