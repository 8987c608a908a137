import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Key, KeyRing } from './key-ring.ts'

/** What a signature permits. A token for one purpose is worthless for another. */
export type SignedPurpose = 'media' | 'upload'

/** Signs short texts that come back from clients: who may read or write which object, and until when. */
export interface Signer {
  /** A token in URL-safe characters. `expiresAt` is in epoch milliseconds. */
  sign(purpose: SignedPurpose, claims: readonly string[], expiresAt: number): string
  /** The claims of a token that this installation signed and that has not expired at `now`; otherwise null. */
  verify(purpose: SignedPurpose, token: string, now: number): readonly string[] | null
}

/** A token has a few short claims. A longer text is not hashed. */
const maxTokenLength = 1_000

/**
 * Signs with keys that are derived from the ring's, each for one purpose: the primary key signs, every key of the ring verifies. A key
 * that leaves the ring ends its tokens.
 */
export function createSigner(ring: () => KeyRing): Signer {
  const derived = new WeakMap<Key, Map<SignedPurpose, Buffer>>()
  const keyFor = (key: Key, purpose: SignedPurpose): Buffer => {
    const ofKey = derived.get(key) ?? new Map<SignedPurpose, Buffer>()
    derived.set(key, ofKey)
    const known = ofKey.get(purpose)
    if (known) return known
    const made = Buffer.from(hkdfSync('sha256', key.bytes, '', `reelpilot signature ${purpose}`, 32))
    ofKey.set(purpose, made)
    return made
  }
  const macOf = (key: Key, purpose: SignedPurpose, signed: string): Buffer =>
    createHmac('sha256', keyFor(key, purpose)).update(signed).digest()

  return {
    sign(purpose, claims, expiresAt) {
      const { primary } = ring()
      const body = Buffer.from(JSON.stringify([expiresAt, ...claims])).toString('base64url')
      const signed = `${primary.id}.${body}`
      return `${signed}.${macOf(primary, purpose, signed).toString('base64url')}`
    },
    verify(purpose, token, now) {
      const [, keyId, body, mac] =
        (token.length <= maxTokenLength && /^([0-9a-f]{8})\.([\w-]+)\.([\w-]{43})$/.exec(token)) || []
      const key = ring().keys.find(({ id }) => id === keyId)
      if (!key || body === undefined || mac === undefined) return null
      const expected = macOf(key, purpose, `${keyId}.${body}`)
      if (!timingSafeEqual(expected, Buffer.from(mac, 'base64url'))) return null
      // Signed here, and so written here.
      const [expiresAt, ...claims] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [
        number,
        ...string[],
      ]
      return expiresAt > now ? claims : null
    },
  }
}
