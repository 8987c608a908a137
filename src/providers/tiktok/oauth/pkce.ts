import { createHash, randomBytes } from 'node:crypto'
import { Secret } from '../../../secret.ts'

/** A fresh PKCE verifier: 64 of the characters that TikTok allows (43–128 of `A–Z a–z 0–9 - . _ ~`). Keep it with the state. */
export function newVerifier(): Secret {
  return new Secret(randomBytes(48).toString('base64url'))
}

/**
 * The challenge for the authorize page: SHA-256 in lower-case hex. That is TikTok's own way; RFC 7636, and so every stock
 * OAuth library, has base64url. Source: Login Kit for Desktop.
 */
export function challengeOf(verifier: Secret): string {
  return createHash('sha256').update(verifier.reveal()).digest('hex')
}
