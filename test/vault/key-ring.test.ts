import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { keyRingOf } from '../../src/vault/key-ring.ts'
import { newKey } from './support.ts'

describe('a key ring', () => {
  it('has its first key as the primary key', () => {
    const keys = [newKey(), newKey(), newKey()]
    const ring = keyRingOf(keys)
    expect(ring.primary).toBe(ring.keys[0])
    expect(ring.keys.map(({ bytes }) => bytes)).toEqual(keys)
  })

  it('derives the id of a key from the key, equal on every machine', () => {
    const counting = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
    expect(keyRingOf([counting]).primary.id).toBe('b4bec642')
    expect(keyRingOf([newKey()]).primary.id).toMatch(/^[0-9a-f]{8}$/)
  })

  it('refuses an empty list, a key of another length and two equal keys', () => {
    const key = newKey()
    expect(() => keyRingOf([])).toThrow('at least one')
    expect(() => keyRingOf([key, key.subarray(1)])).toThrow('key 2 of the ring has 31 bytes')
    expect(() => keyRingOf([key, newKey(), Buffer.from(key)])).toThrow(
      'keys 1 and 3 of the ring are the same',
    )
  })

  it('shows no key when it or its error is printed', () => {
    const key = newKey()
    const printed = [inspect(keyRingOf([key]), { depth: 9 }), JSON.stringify(keyRingOf([key]))]
    try {
      keyRingOf([key, key])
    } catch (error) {
      printed.push(inspect(error))
    }
    expect(printed).toHaveLength(3)
    for (const text of printed) {
      expect(text).not.toContain(key.toString('hex').slice(0, 6))
      expect(text).not.toContain(key.toString('base64').slice(0, 6))
      expect(text).not.toMatch(/Buffer|"data"/)
    }
  })
})
