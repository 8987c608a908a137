import { expect, test } from 'vitest'
import { clientAt } from '../support.ts'

const request = {
  redirectUri: 'https://us.example.test/callback/',
  scopes: ['user.info.basic', 'video.publish'],
  state: 'a b&c',
  codeChallenge: '0f'.repeat(32),
}

test('the authorize page is asked as TikTok wants it, at TikTok’s own address unless told otherwise', () => {
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

test('a person who may want another account is always asked', () => {
  const client = clientAt('http://127.0.0.1:1', { authorizeBase: 'http://127.0.0.1:2' })
  const url = new URL(client.authorizeUrl({ ...request, alwaysAsk: true }))
  expect(url.origin).toBe('http://127.0.0.1:2')
  expect(url.searchParams.get('disable_auto_auth')).toBe('1')
})
