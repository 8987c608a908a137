/** A sealed text taken apart; every part is bytes. */
export type Envelope =
  /** Under a data key of its own, which the key `keyId` of the ring wraps. */
  | { readonly kind: 'v2'; readonly keyId: string; readonly wrappedKey: Buffer; readonly ciphertext: Buffer }
  /** The first format: right under a key of the ring, without saying which. */
  | { readonly kind: 'v1'; readonly ciphertext: Buffer }

/** Takes a sealed text apart; null for any text that is not one, also for one that was written in another way. */
export function parseEnvelope(sealed: string): Envelope | null {
  const [format, ...parts] = sealed.split('.')
  if (format === 'v2' && parts.length === 3) {
    const [keyId = '', ...rest] = parts
    const [wrappedKey, ciphertext] = rest.map(decode)
    return /^[0-9a-f]{8}$/.test(keyId) && wrappedKey && ciphertext
      ? { kind: 'v2', keyId, wrappedKey, ciphertext }
      : null
  }
  if (format === 'v1' && parts.length === 3) {
    const [nonce, tag, locked] = parts.map(decode)
    const isWhole = nonce?.length === 12 && tag?.length === 16 && locked
    return isWhole ? { kind: 'v1', ciphertext: Buffer.concat([nonce, tag, locked]) } : null
  }
  return null
}

/** `v2.<key id>.<wrapped data key>.<ciphertext>`, the last two in base64url. */
export function formatEnvelope({ keyId, wrappedKey, ciphertext }: Extract<Envelope, { kind: 'v2' }>): string {
  return ['v2', keyId, wrappedKey.toString('base64url'), ciphertext.toString('base64url')].join('.')
}

/** Only the one spelling that we write ourselves: Node's decoder also takes strangers and loose bits at the end. */
function decode(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : undefined
}
