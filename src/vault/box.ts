import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

/**
 * Encrypts with AES-256-GCM under a fresh 96-bit nonce: nonce, tag and ciphertext, one after the other.
 *
 * `about` is authenticated with it: the box opens only for whoever names the same. A key may lock about 2^32 boxes before
 * random nonces might meet (NIST SP 800-38D, 8.3).
 */
export function lock(key: Buffer, content: Buffer, about: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(about)
  const locked = Buffer.concat([cipher.update(content), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), locked])
}

/** The content, or null where the key, what it is about, or any bit of the box is not what it was locked with. */
export function unlock(key: Buffer, box: Buffer, about: Buffer): Buffer | null {
  // A shorter tag would be easier to forge, and Node takes one.
  if (box.length < nonceBytes + tagBytes) return null
  const nonce = box.subarray(0, nonceBytes)
  const tag = box.subarray(nonceBytes, nonceBytes + tagBytes)
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
  decipher.setAAD(about).setAuthTag(tag)
  const content = decipher.update(box.subarray(nonceBytes + tagBytes))
  try {
    return Buffer.concat([content, decipher.final()])
  } catch {
    return null
  }
}
