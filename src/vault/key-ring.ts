import { createHash } from 'node:crypto'

export const keyBytes = 32

/** A key of the ring. It prints as its id alone; the bytes leave by `bytes` only. */
export interface Key {
  /** Eight hex digits that follow from the key, so that keys need no names and two rings agree about them. */
  readonly id: string
  readonly bytes: Buffer
}

/** The keys that open what is sealed; the first of them seals. */
export interface KeyRing {
  readonly primary: Key
  readonly keys: readonly Key[]
}

/**
 * Makes a ring of keys of 32 bytes; the first is the primary one.
 *
 * Throws a RangeError for no key at all, a key of another length, or two that are the same. It names the position, never
 * the key.
 */
export function keyRingOf(keys: readonly Buffer[]): KeyRing {
  const ring = keys.map((bytes, index) => {
    if (bytes.length === keyBytes) return keyOf(bytes)
    throw new RangeError(`key ${index + 1} of the ring has ${bytes.length} bytes, not ${keyBytes}`)
  })
  for (const [index, { id }] of ring.entries()) {
    const first = ring.findIndex((key) => key.id === id)
    if (first !== index) throw new RangeError(`keys ${first + 1} and ${index + 1} of the ring are the same`)
  }
  const [primary] = ring
  if (!primary) throw new RangeError('a key ring needs at least one key')
  return { primary, keys: ring }
}

/** A key with its fingerprint; `bytes` are the key's own 32. */
export function keyOf(bytes: Buffer): Key {
  // The label keeps the fingerprint from being the key's hash in any other use.
  const id = createHash('sha256').update('reelpilot key id').update(bytes).digest('hex').slice(0, 8)
  // Not enumerable: what lists an object's fields (a log, an error, JSON) does not come upon it.
  return Object.defineProperty({ id, bytes }, 'bytes', { enumerable: false })
}
