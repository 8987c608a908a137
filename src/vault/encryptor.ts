import { randomBytes } from 'node:crypto'
import { Secret } from '../secret.ts'
import { decrypt, encrypt } from './aead.ts'
import { type Envelope, formatEnvelope, parseEnvelope } from './envelope.ts'
import { type Key, type KeyRing, keyBytes } from './key-ring.ts'

/** Where a secret belongs: one column of one row of one organization. It opens nowhere else. */
export interface AssociatedData {
  readonly organizationId: string
  readonly row: string
  readonly column: string
}

/** Seals secrets for the database: what is stored opens only with the key ring, and only in its associatedData. */
export interface Encryptor {
  seal(secret: Secret, associatedData: AssociatedData): string
  /** Throws KeyMissing, or SealBroken if the text is of another associatedData, was changed, or is no sealed secret. */
  open(sealed: string, associatedData: AssociatedData): Secret
  /**
   * The same secret under the primary key, or null where it is so already. Only the wrapped data key changes, not the
   * ciphertext. Throws what `open` throws.
   */
  reseal(sealed: string, associatedData: AssociatedData): string | null
  /** The id of the key that a sealed text needs; null for one that does not say, and for what is none. */
  keyIdOf(sealed: string): string | null
}

/** The ring does not hold the key that a secret was sealed under. */
export class KeyMissing extends Error {
  override readonly name = 'KeyMissing'
  readonly keyId: string

  constructor(keyId: string) {
    super(`the key ring has no key ${keyId}, which this secret was sealed under`)
    this.keyId = keyId
  }
}

/** The text does not open here: it is of another associatedData, was changed, or is no sealed secret. */
export class DecryptionFailed extends Error {
  override readonly name = 'SealBroken'

  constructor({ row, column }: AssociatedData) {
    super(`the sealed ${column} of ${row} does not open in this associatedData`)
  }
}

/**
 * AES-256-GCM, twice: the secret under a data key of its own, the data key under the ring's primary key, so that rotating
 * the ring touches 32 bytes a record and never the secrets themselves.
 *
 * Both are bound to their associatedData, the wrapped key to the ring's key as well. `ring` is asked at every sealing; opening
 * asks it again only when the ring as last seen lacks the key, for another process may have made one since.
 */
export function createEncryptor(ring: () => KeyRing): Encryptor {
  let seen = ring()

  const keyFor = (id: string): Key => {
    const key = keyIn(seen, id)
    if (key) return key
    seen = ring()
    const newer = keyIn(seen, id)
    if (!newer) throw new KeyMissing(id)
    return newer
  }

  /** The first format does not name its key: each of the ring is tried. */
  const openFirstFormat = (ciphertext: Buffer, associatedData: AssociatedData): Buffer => {
    seen = ring()
    for (const { bytes } of seen.keys) {
      const secret = decrypt(bytes, ciphertext, Buffer.from(`${associatedData.column}/${associatedData.row}`))
      if (secret) return secret
    }
    throw new DecryptionFailed(associatedData)
  }

  const dataKeyOf = (
    { keyId, wrappedKey }: Extract<Envelope, { kind: 'v2' }>,
    associatedData: AssociatedData,
  ): Buffer =>
    decrypt(keyFor(keyId).bytes, wrappedKey, aboutDataKey(keyId, associatedData)) ?? broken(associatedData)

  const wrap = (dataKey: Buffer, { id, bytes }: Key, associatedData: AssociatedData) => ({
    keyId: id,
    wrappedKey: encrypt(bytes, dataKey, aboutDataKey(id, associatedData)),
  })

  const seal = (secret: Buffer, associatedData: AssociatedData): string => {
    seen = ring()
    const dataKey = randomBytes(keyBytes)
    const ciphertext = encrypt(dataKey, secret, aboutSecret(associatedData))
    return formatEnvelope({ kind: 'v2', ciphertext, ...wrap(dataKey, seen.primary, associatedData) })
  }

  return {
    seal: (secret, associatedData) => seal(Buffer.from(secret.reveal()), associatedData),

    open(sealed, associatedData) {
      const envelope = parseEnvelope(sealed) ?? broken(associatedData)
      if (envelope.kind === 'v1')
        return new Secret(openFirstFormat(envelope.ciphertext, associatedData).toString())
      const secret = decrypt(
        dataKeyOf(envelope, associatedData),
        envelope.ciphertext,
        aboutSecret(associatedData),
      )
      return new Secret((secret ?? broken(associatedData)).toString())
    },

    reseal(sealed, associatedData) {
      const envelope = parseEnvelope(sealed) ?? broken(associatedData)
      if (envelope.kind === 'v1')
        return seal(openFirstFormat(envelope.ciphertext, associatedData), associatedData)
      seen = ring()
      const { primary } = seen
      if (envelope.keyId === primary.id) return null
      return formatEnvelope({
        ...envelope,
        ...wrap(dataKeyOf(envelope, associatedData), primary, associatedData),
      })
    },

    keyIdOf(sealed) {
      const envelope = parseEnvelope(sealed)
      return envelope?.kind === 'v2' ? envelope.keyId : null
    },
  }
}

const keyIn = (ring: KeyRing, id: string): Key | undefined => ring.keys.find((key) => key.id === id)

const broken = (associatedData: AssociatedData): never => {
  throw new DecryptionFailed(associatedData)
}

// What is authenticated along. JSON keeps the parts apart, whatever is in them. The secret's own does not name the ring's
// key: that changes when the data key is wrapped anew.
const aboutSecret = ({ organizationId, row, column }: AssociatedData): Buffer =>
  Buffer.from(JSON.stringify(['v2', 'secret', organizationId, row, column]))
const aboutDataKey = (keyId: string, { organizationId, row, column }: AssociatedData): Buffer =>
  Buffer.from(JSON.stringify(['v2', 'data key', keyId, organizationId, row, column]))
