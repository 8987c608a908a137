import { expect, test } from 'vitest'
import { challengeOf, newVerifier } from '../../../../src/providers/tiktok/oauth/pkce.ts'
import { Secret } from '../../../../src/secret.ts'

test('a challenge is the verifier’s hash in lower-case hex, unlike everybody else’s', () => {
  const verifier = new Secret('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')
  expect(challengeOf(verifier)).toBe('13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3')
})

test('a verifier has a length and characters that TikTok allows, and is new each time', () => {
  const verifiers = Array.from({ length: 100 }, () => newVerifier().reveal())
  for (const verifier of verifiers) expect(verifier).toMatch(/^[A-Za-z0-9\-._~]{43,128}$/)
  expect(new Set(verifiers).size).toBe(100)
})
