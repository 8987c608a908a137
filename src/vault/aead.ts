import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

/**
 * Encrypts with AES-256-GCM under a fresh 96-bit nonce: nonce, tag and ciphertext, one after the other.
 *
 * `associatedData` is authenticated with it: the ciphertext opens only for whoever names the same. A key may lock associatedData 2^32 boxes before
 * random nonces might meet (NIST SP 800-38D, 8.3).
 */
export function encrypt(key: Buffer, content: Buffer, associatedData: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(associatedData)
  const locked = Buffer.concat([cipher.update(content), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), locked])
}

/** The content, or null where the key, what it is associatedData, or any bit of the ciphertext is not what it was locked with. */
export function decrypt(key: Buffer, ciphertext: Buffer, associatedData: Buffer): Buffer | null {
  // A shorter tag would be easier to forge, and Node takes one.
  if (ciphertext.length < nonceBytes + tagBytes) return null
  const nonce = ciphertext.subarray(0, nonceBytes)
  const tag = ciphertext.subarray(nonceBytes, nonceBytes + tagBytes)
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
  decipher.setAAD(associatedData).setAuthTag(tag)
  const content = decipher.update(ciphertext.subarray(nonceBytes + tagBytes))
  try {
    return Buffer.concat([content, decipher.final()])
  } catch {
    return null
  }
}
