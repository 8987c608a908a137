import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Secret } from '../src/secret.ts'
import { createSealer } from '../src/secrets.ts'

describe('a sealed secret', () => {
  const sealer = createSealer(randomBytes(32))
  const sealed = sealer.seal(new Secret('act.very-secret'), 'access_token/1')

  it('opens where it was sealed for, and does not show itself', () => {
    expect(sealer.open(sealed, 'access_token/1').reveal()).toBe('act.very-secret')
    expect(sealed).not.toContain('very-secret')
    expect(sealer.seal(new Secret('act.very-secret'), 'access_token/1')).not.toBe(sealed)
  })
  it('does not open in another place, with another key, or changed', () => {
    expect(() => sealer.open(sealed, 'access_token/2')).toThrow()
    expect(() => createSealer(randomBytes(32)).open(sealed, 'access_token/1')).toThrow()
    expect(() => sealer.open(`${sealed.slice(0, -2)}AA`, 'access_token/1')).toThrow()
  })
})
