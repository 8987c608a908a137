import { hash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { insertApiKey, revokeKey, type Scope } from '../../store/tenant/api-keys.ts'
import { invalid, type Refusal } from '../refusal.ts'

/** A generated key. `key` is shown once; only `hash` is stored. */
export interface NewApiKey {
  readonly id: string
  readonly key: string
  readonly hash: Buffer
}

const prefix = 'rp_live_'
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const shape = /^rp_live_([0-9A-Za-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/

/**
 * Generates a key, `rp_live_<id>_<secret><checksum>`: a prefix for secret scanners, an id for the lookup, 256 random bits in
 * base 62, and a CRC-32 that detects a typo without a query.
 */
export function generateApiKey(): NewApiKey {
  const id = randomDigits(12)
  const body = `${prefix}${id}_${randomDigits(43)}`
  const key = body + checksumOf(body)
  return { id, key, hash: hashOf(key) }
}

/** Parses a key. Returns null if its form or checksum is wrong. */
export function parseApiKey(key: string): { readonly id: string; readonly hash: Buffer } | null {
  const [, id] = shape.exec(key) ?? []
  if (!id || checksumOf(key.slice(0, -6)) !== key.slice(-6)) return null
  return { id, hash: hashOf(key) }
}

export type CreateApiKeyResult =
  | { readonly kind: 'done'; readonly keyId: string; readonly key: string }
  | Refusal

export async function createApiKey(
  tx: Tx,
  request: { readonly organizationId: string; readonly name: string; readonly scopes: readonly Scope[] },
): Promise<CreateApiKeyResult> {
  const { organizationId } = request
  const name = request.name.trim()
  const scopes = [...new Set(request.scopes)]
  if (name.length < 1 || name.length > 200) return invalid('name', 'must have 1 to 200 characters')
  if (scopes.length === 0) return invalid('scopes', 'must name at least one')

  const { id, key, hash } = generateApiKey()
  await insertApiKey(tx, { id, organizationId, name, hash, scopes })
  await appendEvent(tx, { organizationId, type: 'apiKey.created', payload: { keyId: id, name, scopes } })
  return { kind: 'done', keyId: id, key }
}

export type RevokeApiKeyResult = { readonly kind: 'done'; readonly keyId: string } | Refusal

/** Revokes a key permanently. Its open connections close within a second. */
export async function revokeApiKey(
  tx: Tx,
  { organizationId, keyId }: { readonly organizationId: string; readonly keyId: string },
): Promise<RevokeApiKeyResult> {
  if (!(await revokeKey(tx, organizationId, keyId))) return { kind: 'missing', field: 'apiKeyId' }
  await appendEvent(tx, { organizationId, type: 'apiKey.revoked', payload: { keyId } })
  return { kind: 'done', keyId }
}

function randomDigits(count: number): string {
  return Array.from({ length: count }, () => digits[randomInt(62)]).join('')
}

function checksumOf(body: string): string {
  let rest = crc32(body)
  let text = ''
  for (let digit = 0; digit < 6; digit += 1) {
    text = digits[rest % 62] + text
    rest = Math.floor(rest / 62)
  }
  return text
}

function hashOf(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}
