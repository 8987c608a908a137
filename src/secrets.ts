import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { Secret } from './secret.ts'

/** Seals secrets for the database: what is stored opens only with the key, and only in the place it was sealed for. */
export interface Sealer {
  /** `place` says what the secret is and whose, such as `access_token/<account id>`. */
  seal(secret: Secret, place: string): string
  /** Throws if the text was sealed with another key, for another place, or was changed. */
  open(sealed: string, place: string): Secret
}

const format = 'v1'

/** AES-256-GCM with a fresh 96-bit nonce each time; the place is authenticated with it. `key` has 32 bytes. */
export function createSealer(key: Buffer): Sealer {
  return {
    seal(secret, place) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place))
      const sealed = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final()])
      return [format, ...[nonce, cipher.getAuthTag(), sealed].map((part) => part.toString('base64url'))].join(
        '.',
      )
    },
    open(text, place) {
      const [version, ...parts] = text.split('.')
      const [nonce, tag, sealed] = parts.map((part) => Buffer.from(part, 'base64url'))
      if (version !== format || !nonce || !tag || !sealed) throw new Error('this is not a sealed secret')
      const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place)).setAuthTag(tag)
      return new Secret(Buffer.concat([decipher.update(sealed), decipher.final()]).toString('utf8'))
    },
  }
}
