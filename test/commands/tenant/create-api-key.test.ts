import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { generateApiKey, parseApiKey } from '../../../src/commands/tenant/create-api-key.ts'

it('a generated API key contains its id and is verified by its hash', () => {
  const { id, key, hash } = generateApiKey()
  expect(key).toMatch(new RegExp(`^rp_live_${id}_[0-9A-Za-z]{49}$`))
  expect(hash).toEqual(createHash('sha256').update(key).digest())
  expect(parseApiKey(key)).toEqual({ id, hash })
  expect(generateApiKey().key).not.toBe(key)
})

it('a typo anywhere in an API key is detected by its checksum', () => {
  const { key } = generateApiKey()
  for (let index = 'rp_live_'.length; index < key.length; index += 1) {
    const other = key[index] === 'a' ? 'b' : 'a'
    expect(parseApiKey(key.slice(0, index) + other + key.slice(index + 1)), `at ${index}`).toBeNull()
  }
  for (const text of ['', 'rp_live_', key.slice(1), `${key}0`, key.toUpperCase()])
    expect(parseApiKey(text)).toBeNull()
})
