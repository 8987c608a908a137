import { createCipheriv, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/secret.ts'
import { keyRingOf } from '../../src/vault/key-ring.ts'
import { createSealer, KeyMissing, type Place, SealBroken } from '../../src/vault/sealer.ts'
import { changingRing, newKey, place } from './support.ts'

const token = new Secret('act.very-secret')
const idOf = (key: Buffer) => keyRingOf([key]).primary.id
const sealerOf = (...keys: readonly Buffer[]) => createSealer(() => keyRingOf(keys))

const anyPlace: fc.Arbitrary<Place> = fc.record({
  organizationId: fc.string(),
  row: fc.string(),
  column: fc.string(),
})

describe('a sealed secret', () => {
  it('opens in its place as what it was, whatever it is and wherever', () => {
    const sealer = sealerOf(newKey())
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 3_000 }), anyPlace, (text, where) => {
        expect(sealer.open(sealer.seal(new Secret(text), where), where).reveal()).toBe(text)
      }),
    )
  })

  it('says which key it needs, shows nothing else, and is never twice the same', () => {
    const key = newKey()
    const sealer = sealerOf(key)
    const sealed = sealer.seal(token, place)
    expect(sealed).toMatch(/^v2\.[0-9a-f]{8}\.[\w-]{80}\.[\w-]+$/)
    expect(sealer.keyIdOf(sealed)).toBe(idOf(key))
    expect(Buffer.from(sealed.split('.')[3] ?? '', 'base64url').toString('latin1')).not.toContain('secret')
    expect(sealer.seal(token, place)).not.toBe(sealed)
  })

  it('opens in no other place', () => {
    const sealer = sealerOf(newKey())
    fc.assert(
      fc.property(anyPlace, anyPlace, (here, there) => {
        fc.pre(JSON.stringify(here) !== JSON.stringify(there))
        expect(() => sealer.open(sealer.seal(token, here), there)).toThrow(SealBroken)
      }),
    )
  })

  it.each([
    ['organization', { ...place, organizationId: 'org-2' }],
    ['row', { ...place, row: 'account-2' }],
    ['column', { ...place, column: 'refresh_token' }],
    ['split between row and column', { ...place, row: 'account-1a', column: 'ccess_token' }],
  ])('does not open under another %s, and is not resealed there', (_, elsewhere) => {
    const [older, newer] = [newKey(), newKey()]
    const sealed = sealerOf(older).seal(token, place)
    const sealer = sealerOf(newer, older)
    expect(() => sealer.open(sealed, elsewhere)).toThrow(SealBroken)
    expect(() => sealer.reseal(sealed, elsewhere)).toThrow(SealBroken)
    expect(sealer.open(sealed, place).reveal()).toBe(token.reveal())
  })

  it('does not open when two records are swapped, nor with the wrapped key of another seal of its place', () => {
    const sealer = sealerOf(newKey())
    const other = { ...place, row: 'account-2' }
    const mine = sealer.seal(token, place)
    const theirs = sealer.seal(token, other)
    expect(() => sealer.open(theirs, place)).toThrow(SealBroken)
    expect(() => sealer.open(mine, other)).toThrow(SealBroken)

    const [format, keyId, wrappedKey] = mine.split('.')
    const box = sealer.seal(token, place).split('.')[3]
    expect(() => sealer.open([format, keyId, wrappedKey, box].join('.'), place)).toThrow(SealBroken)
  })

  it('does not open with any one character changed', () => {
    const sealer = sealerOf(newKey())
    const sealed = sealer.seal(token, place)
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.constantFrom(...'0aA-_.=!'), (at, character) => {
        fc.pre(sealed[at] !== character)
        const changed = sealed.slice(0, at) + character + sealed.slice(at + 1)
        expect(() => sealer.open(changed, place)).toThrow()
      }),
      { numRuns: 500 },
    )
    // Every bit of the last character: some of them carry nothing, and are checked all the same.
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      const changed = sealed.slice(0, -1) + last
      if (changed !== sealed) expect(() => sealer.open(changed, place)).toThrow(SealBroken)
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
  ])('is not what %j is', (text) => {
    const sealer = sealerOf(newKey())
    expect(() => sealer.open(text, place)).toThrow()
    expect(() => sealer.reseal(text, place)).toThrow()
  })

  it('is in no error and no print of what handles it', () => {
    const [key, other] = [newKey(), newKey()]
    const sealer = sealerOf(key)
    const sealed = sealer.seal(token, place)
    const shown = [
      inspect(sealer, { depth: 9 }),
      inspect(sealer.open(sealed, place)),
      `${sealer.open(sealed, place)}`,
    ]
    for (const fail of [
      () => sealer.open(sealed, { ...place, row: 'other' }),
      () => sealer.open(`${sealed}A`, place),
      () => sealerOf(other).open(sealed, place),
    ]) {
      try {
        fail()
      } catch (error) {
        shown.push(inspect(error, { depth: 9, showHidden: true }))
      }
    }
    expect(shown).toHaveLength(6)
    for (const text of shown) {
      expect(text).not.toContain('very-secret')
      expect(text).not.toContain(sealed.slice(20, 60))
      expect(text).not.toContain(key.toString('hex').slice(0, 6))
    }
  })
})

describe('another key', () => {
  it('is asked for by its id when the ring lacks it, and the ring is asked once more before', () => {
    const [older, newer] = [newKey(), newKey()]
    const sealed = sealerOf(newer).seal(token, place)

    const { ring, become } = changingRing(older)
    const sealer = createSealer(ring)
    expect(() => sealer.open(sealed, place)).toThrow(
      expect.objectContaining({
        name: 'KeyMissing',
        keyId: idOf(newer),
        message: expect.stringContaining(idOf(newer)),
      }),
    )
    become(newer, older)
    expect(sealer.open(sealed, place).reveal()).toBe(token.reveal())
  })

  it('does not open what merely carries its id', () => {
    const [key, other] = [newKey(), newKey()]
    const sealed = sealerOf(key).seal(token, place).replace(idOf(key), idOf(other))
    expect(() => sealerOf(other, key).open(sealed, place)).toThrow(SealBroken)
  })

  it('seals from the moment that it is the primary one', () => {
    const [older, newer] = [newKey(), newKey()]
    const { ring, become } = changingRing(older)
    const sealer = createSealer(ring)
    become(newer, older)
    expect(sealer.keyIdOf(sealer.seal(token, place))).toBe(idOf(newer))
  })
})

describe('resealing', () => {
  const [older, newer] = [newKey(), newKey()]
  const sealed = sealerOf(older).seal(token, place)
  const both = sealerOf(newer, older)

  it('wraps the data key anew and leaves the ciphertext as it is', () => {
    const resealed = both.reseal(sealed, place) ?? ''
    expect(both.keyIdOf(resealed)).toBe(idOf(newer))
    expect(resealed.split('.')[3]).toBe(sealed.split('.')[3])
    expect(resealed.split('.')[2]).not.toBe(sealed.split('.')[2])
    expect(sealerOf(newer).open(resealed, place).reveal()).toBe(token.reveal())
  })

  it('has nothing to do under the primary key', () => {
    expect(both.reseal(both.seal(token, place), place)).toBeNull()
  })

  it('needs the old key still', () => {
    expect(() => sealerOf(newer).reseal(sealed, place)).toThrow(KeyMissing)
  })
})

describe('a secret in the first format', () => {
  const counting = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
  const account = { organizationId: 'any', row: '0b9f7c1e', column: 'refresh_token' }
  /** Written by the version that knew no other format. */
  const kept = 'v1.JwNcyVM9thUdkC9O.dupYS3ECMQqplkwE1IImsA.K7l2HGO_keySvkG8C39n_Ww'

  it('opens with whichever key of the ring fits, in its row and column', () => {
    expect(sealerOf(newKey(), counting, newKey()).open(kept, account).reveal()).toBe('rft.kept-since-v1')
    expect(() => sealerOf(counting).open(kept, { ...account, row: '0b9f7c1f' })).toThrow(SealBroken)
    expect(() => sealerOf(counting).open(kept, { ...account, column: 'access_token' })).toThrow(SealBroken)
    expect(() => sealerOf(newKey()).open(kept, account)).toThrow(SealBroken)
  })

  it('names no key, and becomes the second format when it is resealed', () => {
    const sealer = sealerOf(newKey(), counting)
    expect(sealer.keyIdOf(kept)).toBeNull()
    const resealed = sealer.reseal(kept, account) ?? ''
    expect(resealed).toMatch(/^v2\./)
    expect(sealer.open(resealed, account).reveal()).toBe('rft.kept-since-v1')
    // From then on it belongs to its organization as well.
    expect(() => sealer.open(resealed, { ...account, organizationId: 'other' })).toThrow(SealBroken)
  })

  it('does not open with a shortened tag, though the cipher itself would take one', () => {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', counting, nonce, { authTagLength: 4 })
    cipher.setAAD(Buffer.from('refresh_token/0b9f7c1e'))
    const locked = Buffer.concat([cipher.update('rft.forged'), cipher.final()])
    const forged = [
      'v1',
      ...[nonce, cipher.getAuthTag(), locked].map((part) => part.toString('base64url')),
    ].join('.')
    expect(() => sealerOf(counting).open(forged, account)).toThrow(SealBroken)
  })

  it('still opens, like this one of the second format, in every version to come', () => {
    const sealed =
      'v2.b4bec642.nP5fHpL-iDWMBlOE_JPkmzJB7yK12yuS7R4ao2mvu7RBg6eRFPKeX_VHNZXX714OiJ8dZDqAzicltptl.7gbmQ8eFYZFGjHL2ACXPq5LN_fAsTGvHa0s4FryoWZbtNShwD9hpoCr2G8Gv'
    expect(
      sealerOf(counting)
        .open(sealed, { ...account, organizationId: '3f0e' })
        .reveal(),
    ).toBe('rft.kept-since-v2')
  })
})
