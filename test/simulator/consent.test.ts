import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { oauth } from './raw-request.ts'
import { type Pair, startPair } from './support.ts'

const redirectUri = 'http://127.0.0.1:4000/oauth/tiktok/callback'
// Test vector of TikTok's reference, which encodes the challenge in hex.
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const challenge = '13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3'

function visit({ local }: Pair, more: Readonly<Record<string, string>> = {}): Promise<Response> {
  const query = new URLSearchParams({
    client_key: local.app.clientKey,
    response_type: 'code',
    scope: 'user.info.basic,video.publish,video.upload',
    redirect_uri: redirectUri,
    state: 'anti-forgery',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  })
  return fetch(`${local.url}/v2/auth/authorize/?${query}`, { redirect: 'manual' })
}

function callbackOf(response: Response): URLSearchParams {
  expect(response.status).toBe(302)
  return new URL(response.headers.get('location') ?? '').searchParams
}

async function exchange({ local }: Pair, callback: URLSearchParams, more: Record<string, string> = {}) {
  const code = callback.get('code') ?? ''
  return await oauth(local, 'token', {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...more,
  })
}

/** The query that a browser sends for a click on a button of the page's form with these boxes ticked. */
function submitted(html: string, button: string, ticked: readonly string[]): URLSearchParams {
  const inputs = [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  const query = new URLSearchParams(inputs.map(([, name = '', value = '']) => [name, value]))
  for (const scope of ticked) query.append('grant', scope)
  query.append('local_account', /name="local_account" value="([^"]*)"/.exec(html)?.[1] ?? '')
  query.append(button, '1')
  return query
}

describe('the consent page', () => {
  test('shows the account and the scopes and grants the ticked scopes', async () => {
    const pair = await startPair({ autoApprove: false })
    const page = await visit(pair)
    const html = await page.text()
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(html).toContain('value="ann"')
    for (const scope of ['user.info.basic', 'video.publish', 'video.upload']) {
      expect(html).toContain(`name="grant" value="${scope}" checked`)
    }

    const query = submitted(html, 'auto', ['user.info.basic', 'video.upload'])
    const answer = await fetch(`${pair.local.url}/v2/auth/authorize/?${query}`, { redirect: 'manual' })
    const callback = callbackOf(answer)
    expect(callback.get('state')).toBe('anti-forgery')
    expect(callback.get('scopes')).toBe('user.info.basic,video.upload')
    expect(await exchange(pair, callback)).toMatchObject({
      status: 200,
      body: { scope: 'user.info.basic,video.upload' },
    })
  })

  test('denies the request, or grants no scope when none is ticked', async () => {
    const pair = await startPair({ autoApprove: false })
    const html = await (await visit(pair)).text()
    const send = (query: URLSearchParams) =>
      fetch(`${pair.local.url}/v2/auth/authorize/?${query}`, { redirect: 'manual' })
    expect(callbackOf(await send(submitted(html, 'deny', []))).get('error')).toBe('access_denied')
    expect(callbackOf(await send(submitted(html, 'auto', []))).get('scopes')).toBe('')
  })

  test('is skipped with auto=1 and never shown for an invalid request', async () => {
    const pair = await startPair({ autoApprove: false })
    expect(callbackOf(await visit(pair, { auto: '1' })).get('code')).not.toBeNull()
    expect(callbackOf(await visit(pair, { deny: '1' })).get('error')).toBe('access_denied')
    const wrong = await visit(pair, { redirect_uri: 'https://elsewhere.example/' })
    expect([wrong.status, await wrong.text()]).toEqual([400, expect.stringContaining('redirect_uri')])
    const rude = await visit(pair, { local_account: '<script>' })
    expect([rude.status, await rude.text()]).toEqual([400, expect.not.stringContaining('<script')])
    expect(pair.local.counters().refused).toEqual({ invalid_request: 2 })
  })

  test('escapes the parameters of the request', async () => {
    const pair = await startPair({ autoApprove: false })
    expect(await (await visit(pair, { state: '"><script>' })).text()).not.toContain('<script>')
  })
})

describe('an authorize request', () => {
  test('needs PKCE and a challenge encoding as the settings require', async () => {
    const pair = await startPair({ requirePkce: false })
    const bare = await visit(pair, { code_challenge: '', code_challenge_method: '' })
    expect(await exchange(pair, callbackOf(bare), { code_verifier: '' })).toMatchObject({ status: 200 })

    const base64url = createHash('sha256').update(verifier).digest('base64url')
    expect((await visit(pair, { code_challenge: base64url })).status).toBe(400)
    pair.local.changeSettings({ challengeEncoding: 'base64url' })
    expect((await visit(pair)).status).toBe(400)
    expect(await exchange(pair, callbackOf(await visit(pair, { code_challenge: base64url })))).toMatchObject({
      status: 200,
    })
    pair.local.changeSettings({ challengeEncoding: 'either' })
    expect((await visit(pair)).status).toBe(302)
    expect((await visit(pair, { code_challenge: base64url })).status).toBe(302)
  })

  test('redirects to any registered URI, for sandbox accounts only when a sandbox is set', async () => {
    const pair = await startPair()
    const other = 'https://app.example/callback/'
    expect((await visit(pair, { redirect_uri: other })).status).toBe(400)
    pair.local.changeApp({ redirectUris: [other], sandboxTargets: ['ben'] })
    const refused = callbackOf(await visit(pair, { redirect_uri: other }))
    expect([refused.get('error'), refused.get('error_type')]).toEqual(['access_denied', 'non_sandbox_target'])
    expect(callbackOf(await visit(pair, { local_account: 'ben' })).get('code')).not.toBeNull()
  })
})
