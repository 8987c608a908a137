import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

/**
 * Encrypts with AES-256-GCM under a fresh random 96-bit nonce. Returns nonce, tag and encrypted bytes, concatenated.
 *
 * `associatedData` is authenticated too: decryption needs the same bytes. One key may encrypt about 2^32 messages before
 * random nonces may repeat (NIST SP 800-38D, 8.3).
 */
export function encrypt(key: Buffer, plaintext: Buffer, associatedData: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(associatedData)
  const encrypted = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), encrypted])
}

/** Returns the plaintext, or null if the key, the associated data or any bit of the ciphertext differs. */
export function decrypt(key: Buffer, ciphertext: Buffer, associatedData: Buffer): Buffer | null {
  // Node accepts shorter tags, which are easier to forge.
  if (ciphertext.length < nonceBytes + tagBytes) return null
  const nonce = ciphertext.subarray(0, nonceBytes)
  const tag = ciphertext.subarray(nonceBytes, nonceBytes + tagBytes)
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
  decipher.setAAD(associatedData).setAuthTag(tag)
  const plaintext = decipher.update(ciphertext.subarray(nonceBytes + tagBytes))
  try {
    return Buffer.concat([plaintext, decipher.final()])
  } catch {
    return null
  }
}
