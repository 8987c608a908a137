import { randomBytes } from 'node:crypto'
import { Secret } from '../secret.ts'
import { decrypt, encrypt } from './aead.ts'
import { type Envelope, formatEnvelope, parseEnvelope } from './envelope.ts'
import { type Key, type KeyRing, keyBytes } from './key-ring.ts'

/** The organization, row and column that a secret is bound to. It opens with exactly these. */
export interface AssociatedData {
  readonly organizationId: string
  readonly row: string
  readonly column: string
}

/** Encrypts secrets for the database. A sealed text opens only with the key ring and its own associated data. */
export interface Encryptor {
  seal(secret: Secret, associatedData: AssociatedData): string
  /** Throws `KeyMissing`, or `DecryptionFailed` for other associated data, a changed text, or a text that is not sealed. */
  open(sealed: string, associatedData: AssociatedData): Secret
  /**
   * Rewraps the data key under the primary key; the ciphertext stays. Returns null if the primary key wraps it already. Throws
   * what `open` throws.
   */
  reseal(sealed: string, associatedData: AssociatedData): string | null
  /** The id of the key that opens a sealed text. Null if the text names no key or is not sealed. */
  keyIdOf(sealed: string): string | null
}

/** The key ring lacks the key that a secret was sealed under. */
export class KeyMissing extends Error {
  override readonly name = 'KeyMissing'
  readonly keyId: string

  constructor(keyId: string) {
    super(`the key ring has no key ${keyId}, which this secret was sealed under`)
    this.keyId = keyId
  }
}

/** A text did not decrypt: its associated data differ, it was changed, or it is not a sealed secret. */
export class DecryptionFailed extends Error {
  override readonly name = 'DecryptionFailed'

  constructor({ row, column }: AssociatedData) {
    super(`the sealed ${column} of ${row} does not decrypt with its associated data`)
  }
}

/**
 * Envelope encryption with AES-256-GCM: each secret has its own data key, and the ring's primary key wraps the data key, so
 * that rotation rewrites 32 bytes per record and no secret.
 *
 * The secret and its wrapped key are both bound to the associated data, the wrapped key also to the id of the ring's key.
 * Every sealing calls `ring`. Opening calls it again only if the last known ring lacks the key, because another process
 * may have added one.
 */
export function createEncryptor(ring: () => KeyRing): Encryptor {
  let lastRing = ring()

  const keyFor = (id: string): Key => {
    const known = keyIn(lastRing, id)
    if (known) return known
    lastRing = ring()
    const added = keyIn(lastRing, id)
    if (!added) throw new KeyMissing(id)
    return added
  }

  /** The first format does not name its key, so every key of the ring is tried. */
  const openFirstFormat = (ciphertext: Buffer, associatedData: AssociatedData): Buffer => {
    lastRing = ring()
    for (const { bytes } of lastRing.keys) {
      const secret = decrypt(bytes, ciphertext, Buffer.from(`${associatedData.column}/${associatedData.row}`))
      if (secret) return secret
    }
    throw new DecryptionFailed(associatedData)
  }

  const dataKeyOf = (
    { keyId, wrappedKey }: Extract<Envelope, { kind: 'v2' }>,
    associatedData: AssociatedData,
  ): Buffer =>
    decrypt(keyFor(keyId).bytes, wrappedKey, bytesForDataKey(keyId, associatedData)) ?? failed(associatedData)

  const wrap = (dataKey: Buffer, { id, bytes }: Key, associatedData: AssociatedData) => ({
    keyId: id,
    wrappedKey: encrypt(bytes, dataKey, bytesForDataKey(id, associatedData)),
  })

  const seal = (secret: Buffer, associatedData: AssociatedData): string => {
    lastRing = ring()
    const dataKey = randomBytes(keyBytes)
    const ciphertext = encrypt(dataKey, secret, bytesForSecret(associatedData))
    return formatEnvelope({ kind: 'v2', ciphertext, ...wrap(dataKey, lastRing.primary, associatedData) })
  }

  return {
    seal: (secret, associatedData) => seal(Buffer.from(secret.reveal()), associatedData),

    open(sealed, associatedData) {
      const envelope = parseEnvelope(sealed) ?? failed(associatedData)
      if (envelope.kind === 'v1')
        return new Secret(openFirstFormat(envelope.ciphertext, associatedData).toString())
      const dataKey = dataKeyOf(envelope, associatedData)
      const secret = decrypt(dataKey, envelope.ciphertext, bytesForSecret(associatedData))
      return new Secret((secret ?? failed(associatedData)).toString())
    },

    reseal(sealed, associatedData) {
      const envelope = parseEnvelope(sealed) ?? failed(associatedData)
      if (envelope.kind === 'v1')
        return seal(openFirstFormat(envelope.ciphertext, associatedData), associatedData)
      lastRing = ring()
      const { primary } = lastRing
      if (envelope.keyId === primary.id) return null
      const dataKey = dataKeyOf(envelope, associatedData)
      return formatEnvelope({ ...envelope, ...wrap(dataKey, primary, associatedData) })
    },

    keyIdOf(sealed) {
      const envelope = parseEnvelope(sealed)
      return envelope?.kind === 'v2' ? envelope.keyId : null
    },
  }
}

const keyIn = (ring: KeyRing, id: string): Key | undefined => ring.keys.find((key) => key.id === id)

const failed = (associatedData: AssociatedData): never => {
  throw new DecryptionFailed(associatedData)
}

// JSON keeps the parts apart whatever they contain. The secret's bytes do not name the ring's key, which changes when the data
// key is rewrapped.
const bytesForSecret = ({ organizationId, row, column }: AssociatedData): Buffer =>
  Buffer.from(JSON.stringify(['v2', 'secret', organizationId, row, column]))
const bytesForDataKey = (keyId: string, { organizationId, row, column }: AssociatedData): Buffer =>
  Buffer.from(JSON.stringify(['v2', 'data key', keyId, organizationId, row, column]))
