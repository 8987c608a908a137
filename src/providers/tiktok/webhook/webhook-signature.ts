import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../../../secret.ts'

export interface SignedWebhook {
  /** The `TikTok-Signature` header: `t=<epoch seconds>,s=<hex>`. */
  readonly header: string | null | undefined
  /** The raw bytes: parsed and printed again, the text would differ. */
  readonly body: Uint8Array
  /** The app's client secret, which is the HMAC key. */
  readonly secret: Secret
  readonly nowSeconds: number
  /** How far the signature's time may lie from now, before or after. TikTok prescribes none; its clients use 300. */
  readonly toleranceSeconds: number
}

export type WebhookVerification =
  | { readonly kind: 'ok'; readonly signedAtSeconds: number }
  /**
   * `age`: a valid signature outside the tolerance. It is a replay, or TikTok repeated a delivery under its first
   * signature, which its documents do not rule out. Log it separately.
   */
  | { readonly kind: 'refused'; readonly reason: 'missing' | 'malformed' | 'signature' | 'age' }

/**
 * Checks that TikTok sent this webhook recently: HMAC-SHA256 of `t`, a dot and the raw body under the client secret,
 * compared in constant time. A replay within the tolerance passes; its deduplication key stops it. Source: webhooks,
 * verification.
 */
export function verifyWebhook(signed: SignedWebhook): WebhookVerification {
  const { header, body, secret, nowSeconds, toleranceSeconds } = signed
  if (!header) return { kind: 'refused', reason: 'missing' }

  const [, time, signature] = /^\s*t=(\d{1,12})\s*,\s*s=([\da-f]{64})\s*$/i.exec(header) ?? []
  if (time === undefined || signature === undefined) return { kind: 'refused', reason: 'malformed' }

  const expected = createHmac('sha256', secret.reveal()).update(`${time}.`).update(body).digest()
  if (!timingSafeEqual(expected, Buffer.from(signature, 'hex'))) {
    return { kind: 'refused', reason: 'signature' }
  }
  const signedAtSeconds = Number(time)
  return Math.abs(nowSeconds - signedAtSeconds) <= toleranceSeconds
    ? { kind: 'ok', signedAtSeconds }
    : { kind: 'refused', reason: 'age' }
}
