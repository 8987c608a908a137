import { createCipheriv, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/secret.ts'
import {
  type AssociatedData,
  createEncryptor,
  DecryptionFailed,
  KeyMissing,
} from '../../src/vault/encryptor.ts'
import { keyRingOf } from '../../src/vault/key-ring.ts'
import { associatedData, changingRing, newKey } from './support.ts'

const token = new Secret('act.very-secret')
const idOf = (key: Buffer) => keyRingOf([key]).primary.id
const encryptorOf = (...keys: readonly Buffer[]) => createEncryptor(() => keyRingOf(keys))

const anyAssociatedData: fc.Arbitrary<AssociatedData> = fc.record({
  organizationId: fc.string(),
  row: fc.string(),
  column: fc.string(),
})

describe('a sealed secret', () => {
  it('opens to the original text with its associated data', () => {
    const encryptor = encryptorOf(newKey())
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 3_000 }), anyAssociatedData, (text, where) => {
        expect(encryptor.open(encryptor.seal(new Secret(text), where), where).reveal()).toBe(text)
      }),
    )
  })

  it('names its key, does not contain the plaintext, and differs at every seal', () => {
    const key = newKey()
    const encryptor = encryptorOf(key)
    const sealed = encryptor.seal(token, associatedData)
    expect(sealed).toMatch(/^v2\.[0-9a-f]{8}\.[\w-]{80}\.[\w-]+$/)
    expect(encryptor.keyIdOf(sealed)).toBe(idOf(key))
    expect(Buffer.from(sealed.split('.')[3] ?? '', 'base64url').toString('latin1')).not.toContain('secret')
    expect(encryptor.seal(token, associatedData)).not.toBe(sealed)
  })

  it('does not open with other associated data', () => {
    const encryptor = encryptorOf(newKey())
    fc.assert(
      fc.property(anyAssociatedData, anyAssociatedData, (here, there) => {
        fc.pre(JSON.stringify(here) !== JSON.stringify(there))
        expect(() => encryptor.open(encryptor.seal(token, here), there)).toThrow(DecryptionFailed)
      }),
    )
  })

  it.each([
    ['organization', { ...associatedData, organizationId: 'org-2' }],
    ['row', { ...associatedData, row: 'account-2' }],
    ['column', { ...associatedData, column: 'refresh_token' }],
    ['split between row and column', { ...associatedData, row: 'account-1a', column: 'ccess_token' }],
  ])('does not open and is not resealed with another %s', (_, elsewhere) => {
    const [older, newer] = [newKey(), newKey()]
    const sealed = encryptorOf(older).seal(token, associatedData)
    const encryptor = encryptorOf(newer, older)
    expect(() => encryptor.open(sealed, elsewhere)).toThrow(DecryptionFailed)
    expect(() => encryptor.reseal(sealed, elsewhere)).toThrow(DecryptionFailed)
    expect(encryptor.open(sealed, associatedData).reveal()).toBe(token.reveal())
  })

  it('does not open when it is swapped with another record or combined with another wrapped key', () => {
    const encryptor = encryptorOf(newKey())
    const other = { ...associatedData, row: 'account-2' }
    const mine = encryptor.seal(token, associatedData)
    const theirs = encryptor.seal(token, other)
    expect(() => encryptor.open(theirs, associatedData)).toThrow(DecryptionFailed)
    expect(() => encryptor.open(mine, other)).toThrow(DecryptionFailed)

    const [format, keyId, wrappedKey] = mine.split('.')
    const ciphertext = encryptor.seal(token, associatedData).split('.')[3]
    expect(() => encryptor.open([format, keyId, wrappedKey, ciphertext].join('.'), associatedData)).toThrow(
      DecryptionFailed,
    )
  })

  it('does not open if any one character is changed', () => {
    const encryptor = encryptorOf(newKey())
    const sealed = encryptor.seal(token, associatedData)
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.constantFrom(...'0aA-_.=!'), (at, character) => {
        fc.pre(sealed[at] !== character)
        const changed = sealed.slice(0, at) + character + sealed.slice(at + 1)
        expect(() => encryptor.open(changed, associatedData)).toThrow()
      }),
      { numRuns: 500 },
    )
    // Every bit of the last character, including the bits that base64url does not use.
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      const changed = sealed.slice(0, -1) + last
      if (changed !== sealed) expect(() => encryptor.open(changed, associatedData)).toThrow(DecryptionFailed)
    }
  })

  it.each([
    '',
    'v2',
    'v2.',
    'v2.00000000..',
    'v3.00000000.AA.AA',
    'v1.AA.AA.AA',
    'act.not-sealed-at-all',
    'v2.a.b.c.d',
  ])('cannot be %j', (text) => {
    const encryptor = encryptorOf(newKey())
    expect(() => encryptor.open(text, associatedData)).toThrow()
    expect(() => encryptor.reseal(text, associatedData)).toThrow()
  })

  it('never appears in an error or a printed encryptor or secret, and neither does its key', () => {
    const [key, other] = [newKey(), newKey()]
    const encryptor = encryptorOf(key)
    const sealed = encryptor.seal(token, associatedData)
    const printed = [
      inspect(encryptor, { depth: 9 }),
      inspect(encryptor.open(sealed, associatedData)),
      `${encryptor.open(sealed, associatedData)}`,
    ]
    for (const fail of [
      () => encryptor.open(sealed, { ...associatedData, row: 'other' }),
      () => encryptor.open(`${sealed}A`, associatedData),
      () => encryptorOf(other).open(sealed, associatedData),
    ]) {
      try {
        fail()
      } catch (error) {
        printed.push(inspect(error, { depth: 9, showHidden: true }))
      }
    }
    expect(printed).toHaveLength(6)
    for (const text of printed) {
      expect(text).not.toContain('very-secret')
      expect(text).not.toContain(sealed.slice(20, 60))
      expect(text).not.toContain(key.toString('hex').slice(0, 6))
    }
  })
})

describe('another key', () => {
  it('is reported by its id if it is missing after the ring was read again', () => {
    const [older, newer] = [newKey(), newKey()]
    const sealed = encryptorOf(newer).seal(token, associatedData)

    const { ring, become } = changingRing(older)
    const encryptor = createEncryptor(ring)
    expect(() => encryptor.open(sealed, associatedData)).toThrow(
      expect.objectContaining({
        name: 'KeyMissing',
        keyId: idOf(newer),
        message: expect.stringContaining(idOf(newer)),
      }),
    )
    become(newer, older)
    expect(encryptor.open(sealed, associatedData).reveal()).toBe(token.reveal())
  })

  it('does not open a sealed text that only names its id', () => {
    const [key, other] = [newKey(), newKey()]
    const sealed = encryptorOf(key).seal(token, associatedData).replace(idOf(key), idOf(other))
    expect(() => encryptorOf(other, key).open(sealed, associatedData)).toThrow(DecryptionFailed)
  })

  it('seals as soon as it is the primary key', () => {
    const [older, newer] = [newKey(), newKey()]
    const { ring, become } = changingRing(older)
    const encryptor = createEncryptor(ring)
    become(newer, older)
    expect(encryptor.keyIdOf(encryptor.seal(token, associatedData))).toBe(idOf(newer))
  })
})

describe('resealing', () => {
  const [older, newer] = [newKey(), newKey()]
  const sealed = encryptorOf(older).seal(token, associatedData)
  const both = encryptorOf(newer, older)

  it('rewraps the data key and keeps the ciphertext', () => {
    const resealed = both.reseal(sealed, associatedData) ?? ''
    expect(both.keyIdOf(resealed)).toBe(idOf(newer))
    expect(resealed.split('.')[3]).toBe(sealed.split('.')[3])
    expect(resealed.split('.')[2]).not.toBe(sealed.split('.')[2])
    expect(encryptorOf(newer).open(resealed, associatedData).reveal()).toBe(token.reveal())
  })

  it('returns null for a secret under the primary key', () => {
    expect(both.reseal(both.seal(token, associatedData), associatedData)).toBeNull()
  })

  it('needs the old key', () => {
    expect(() => encryptorOf(newer).reseal(sealed, associatedData)).toThrow(KeyMissing)
  })
})

describe('a secret in the first format', () => {
  const counting = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
  const account = { organizationId: 'any', row: '0b9f7c1e', column: 'refresh_token' }
  /** Written by the first version, which knew no other format. */
  const kept = 'v1.JwNcyVM9thUdkC9O.dupYS3ECMQqplkwE1IImsA.K7l2HGO_keySvkG8C39n_Ww'

  it('opens with any key of the ring that matches, in its row and column only', () => {
    expect(encryptorOf(newKey(), counting, newKey()).open(kept, account).reveal()).toBe('rft.kept-since-v1')
    expect(() => encryptorOf(counting).open(kept, { ...account, row: '0b9f7c1f' })).toThrow(DecryptionFailed)
    expect(() => encryptorOf(counting).open(kept, { ...account, column: 'access_token' })).toThrow(
      DecryptionFailed,
    )
    expect(() => encryptorOf(newKey()).open(kept, account)).toThrow(DecryptionFailed)
  })

  it('names no key and is resealed in the second format', () => {
    const encryptor = encryptorOf(newKey(), counting)
    expect(encryptor.keyIdOf(kept)).toBeNull()
    const resealed = encryptor.reseal(kept, account) ?? ''
    expect(resealed).toMatch(/^v2\./)
    expect(encryptor.open(resealed, account).reveal()).toBe('rft.kept-since-v1')
    // The second format is bound to the organization, too.
    expect(() => encryptor.open(resealed, { ...account, organizationId: 'other' })).toThrow(DecryptionFailed)
  })

  it('does not open with a shortened tag, which the cipher itself would accept', () => {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', counting, nonce, { authTagLength: 4 })
    cipher.setAAD(Buffer.from('refresh_token/0b9f7c1e'))
    const locked = Buffer.concat([cipher.update('rft.forged'), cipher.final()])
    const forged = [
      'v1',
      ...[nonce, cipher.getAuthTag(), locked].map((part) => part.toString('base64url')),
    ].join('.')
    expect(() => encryptorOf(counting).open(forged, account)).toThrow(DecryptionFailed)
  })

  it('and one in the second format, both stored by older versions, still open', () => {
    const sealed =
      'v2.b4bec642.nP5fHpL-iDWMBlOE_JPkmzJB7yK12yuS7R4ao2mvu7RBg6eRFPKeX_VHNZXX714OiJ8dZDqAzicltptl.7gbmQ8eFYZFGjHL2ACXPq5LN_fAsTGvHa0s4FryoWZbtNShwD9hpoCr2G8Gv'
    expect(
      encryptorOf(counting)
        .open(sealed, { ...account, organizationId: '3f0e' })
        .reveal(),
    ).toBe('rft.kept-since-v2')
  })
})
