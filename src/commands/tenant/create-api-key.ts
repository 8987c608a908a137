import { createHash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { insertApiKey, revokeKey, type Scope } from '../../store/tenant/api-keys.ts'
import { invalid, type Refusal } from '../refusal.ts'

/** A fresh key. `key` is shown once and never stored; of it only `hash` is. */
export interface NewApiKey {
  readonly id: string
  readonly key: string
  readonly hash: Buffer
}

const prefix = 'rp_live_'
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const shape = /^rp_live_([0-9A-Za-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/

/**
 * Makes a key, `rp_live_<id>_<secret><checksum>`: a prefix that secret scanners know, an id to find it by, 256 bits
 * of chance in base 62, and a CRC-32 that tells a typo from a wrong key without asking anybody.
 */
export function generateApiKey(): NewApiKey {
  const id = randomDigits(12)
  const body = `${prefix}${id}_${randomDigits(43)}`
  const key = body + checksumOf(body)
  return { id, key, hash: hashOf(key) }
}

/** Takes a key apart; null if it cannot be one of ours. */
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

/** Ends a key for good. What it has open ends by itself within a second. */
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
  for (let place = 0; place < 6; place += 1) {
    text = digits[rest % 62] + text
    rest = Math.floor(rest / 62)
  }
  return text
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
