import { describe, expect, it } from 'vitest'
import { keyRingOf } from '../../src/vault/key-ring.ts'
import { createSigner } from '../../src/vault/signer.ts'

const [old, young] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
const signerOf = (...keys: Buffer[]) => {
  const ring = keyRingOf(keys)
  return createSigner(() => ring)
}
const claims = ['organization', 'object', 'ü/.. "']

describe('a signer', () => {
  it('reads what it signed until it expires, for the same purpose only', () => {
    const signer = signerOf(old)
    const token = signer.sign('media', claims, 1_000)
    expect(token).toMatch(/^[\w.-]+$/)
    expect(signer.verify('media', token, 999)).toEqual(claims)
    expect(signer.verify('media', token, 1_000)).toBeNull()
    expect(signer.verify('upload', token, 0)).toBeNull()
  })

  it('signs with the first key of the ring and verifies with all: tokens survive a rotation, not the end of their key', () => {
    const token = signerOf(old).sign('media', claims, 1_000)
    expect(signerOf(young, old).verify('media', token, 0)).toEqual(claims)
    expect(signerOf(young).verify('media', token, 0)).toBeNull()
    expect(signerOf(old).verify('media', signerOf(young, old).sign('media', claims, 1_000), 0)).toBeNull()
  })

  it('refuses every changed token, and text that is none', () => {
    const signer = signerOf(old)
    const token = signer.sign('media', claims, 1_000)
    const [keyId, body, mac] = token.split('.')
    const other = signer.sign('media', ['another'], 1_000).split('.')
    for (let index = 0; index < token.length; index += 1) {
      const changed = `${token.slice(0, index)}${token[index] === 'A' ? 'B' : 'A'}${token.slice(index + 1)}`
      // The last character of a MAC has two bits that mean nothing.
      if (index < token.length - 1) expect(signer.verify('media', changed, 0), changed).toBeNull()
    }
    for (const text of ['', '.', `${keyId}.${other[1]}.${mac}`, `${keyId}.${body}.`, 'x'.repeat(10_000)])
      expect(signer.verify('media', text, 0), text).toBeNull()
  })
})
