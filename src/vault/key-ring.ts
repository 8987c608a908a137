import { createHash } from 'node:crypto'

export const keyBytes = 32

/** A key of the ring. Printing it shows the id only; `bytes` is the only way to the key itself. */
export interface Key {
  /** Eight hex digits derived from the key, so that it is the same in every ring. */
  readonly id: string
  readonly bytes: Buffer
}

/** The keys that open secrets. The first one, the primary key, seals. */
export interface KeyRing {
  readonly primary: Key
  readonly keys: readonly Key[]
}

/**
 * Creates a ring of 32-byte keys. The first is the primary key.
 *
 * Throws a `RangeError` for an empty list, a key of another length, or two equal keys. The message names positions, never a
 * key.
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

/** Creates a key, with its fingerprint as the id, from 32 bytes. */
export function keyOf(bytes: Buffer): Key {
  // The label separates the fingerprint from any other hash of the key.
  const id = createHash('sha256').update('reelpilot key id').update(bytes).digest('hex').slice(0, 8)
  // Not enumerable, so that logs, errors and JSON do not contain it.
  return Object.defineProperty({ id, bytes }, 'bytes', { enumerable: false })
}
