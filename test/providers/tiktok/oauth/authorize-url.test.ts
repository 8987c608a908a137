import { expect, test } from 'vitest'
import { codeChallengeOf, createCodeVerifier } from '../../../../src/providers/tiktok/oauth/authorize-url.ts'
import { Secret } from '../../../../src/secret.ts'
import { clientAt } from '../support.ts'

const request = {
  redirectUri: 'https://us.example.test/callback/',
  scopes: ['user.info.basic', 'video.publish'],
  state: 'a b&c',
  codeChallenge: '0f'.repeat(32),
}

test('the authorize URL has TikTok’s parameters, and TikTok’s own host by default', () => {
  const url = new URL(clientAt('http://127.0.0.1:1').authorizeUrl(request))
  expect(url.origin + url.pathname).toBe('https://www.tiktok.com/v2/auth/authorize/')
  expect(Object.fromEntries(url.searchParams)).toEqual({
    client_key: 'ck',
    response_type: 'code',
    scope: 'user.info.basic,video.publish',
    redirect_uri: 'https://us.example.test/callback/',
    state: 'a b&c',
    code_challenge: '0f'.repeat(32),
    code_challenge_method: 'S256',
  })
})

test('alwaysShowConsent disables TikTok’s automatic authorization', () => {
  const client = clientAt('http://127.0.0.1:1', { authorizeBase: 'http://127.0.0.1:2' })
  const url = new URL(client.authorizeUrl({ ...request, alwaysShowConsent: true }))
  expect(url.origin).toBe('http://127.0.0.1:2')
  expect(url.searchParams.get('disable_auto_auth')).toBe('1')
})

test('a PKCE code challenge is the verifier’s SHA-256 in lower-case hex, unlike RFC 7636', () => {
  const verifier = new Secret('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')
  expect(codeChallengeOf(verifier)).toBe('13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3')
})

test('a PKCE code verifier has a length and characters that TikTok allows, and is unique', () => {
  const verifiers = Array.from({ length: 100 }, () => createCodeVerifier().reveal())
  for (const verifier of verifiers) expect(verifier).toMatch(/^[A-Za-z0-9\-._~]{43,128}$/)
  expect(new Set(verifiers).size).toBe(100)
})
