/** The parts of a sealed text, as bytes. */
export type Envelope =
  /** Encrypted under its own data key, which is wrapped by the ring's key `keyId`. */
  | { readonly kind: 'v2'; readonly keyId: string; readonly wrappedKey: Buffer; readonly ciphertext: Buffer }
  /** The first format: encrypted directly under a key of the ring that it does not name. */
  | { readonly kind: 'v1'; readonly ciphertext: Buffer }

/** Parses a sealed text. Returns null for any other text, and for any spelling that `formatEnvelope` does not produce. */
export function parseEnvelope(sealed: string): Envelope | null {
  const [format, ...parts] = sealed.split('.')
  if (format === 'v2' && parts.length === 3) {
    const [keyId = '', ...rest] = parts
    const [wrappedKey, ciphertext] = rest.map(decode)
    const isValid = /^[0-9a-f]{8}$/.test(keyId) && wrappedKey && ciphertext
    return isValid ? { kind: 'v2', keyId, wrappedKey, ciphertext } : null
  }
  if (format === 'v1' && parts.length === 3) {
    const [nonce, tag, encrypted] = parts.map(decode)
    const isValid = nonce?.length === 12 && tag?.length === 16 && encrypted
    return isValid ? { kind: 'v1', ciphertext: Buffer.concat([nonce, tag, encrypted]) } : null
  }
  return null
}

/** Formats an envelope as `v2.<key id>.<wrapped data key>.<ciphertext>`, the last two in base64url. */
export function formatEnvelope({ keyId, wrappedKey, ciphertext }: Extract<Envelope, { kind: 'v2' }>): string {
  return ['v2', keyId, wrappedKey.toString('base64url'), ciphertext.toString('base64url')].join('.')
}

/** Accepts canonical base64url only. Node's decoder also accepts foreign characters and loose bits at the end. */
function decode(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : undefined
}
