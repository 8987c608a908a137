import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../../../secret.ts'

export interface SignedWebhook {
  /** Of `TikTok-Signature`: `t=<epoch seconds>,s=<hex>`. */
  readonly header: string | null | undefined
  /** As it came: parsed and printed again it is another text. */
  readonly body: Uint8Array
  /** The app's client secret, which is the key. */
  readonly secret: Secret
  readonly nowSeconds: number
  /** How far from now the signing may lie, before or after. TikTok prescribes none; its clients take 300. */
  readonly toleranceSeconds: number
}

export type WebhookVerdict =
  | { readonly kind: 'ok'; readonly signedAtSeconds: number }
  /**
   * `age` is TikTok's own text, signed too long ago: a replay, or a delivery repeated under its first signature, which
   * nobody has ruled out. Log it apart from the rest.
   */
  | { readonly kind: 'refused'; readonly reason: 'missing' | 'malformed' | 'signature' | 'age' }

/**
 * Whether TikTok has sent this, and lately: HMAC-SHA256 of `t`, a dot and the raw body, under the client secret, compared in
 * constant time. A repetition within the tolerance passes; the dedupe key is what stops it. Source: webhooks, verification.
 */
export function verifyWebhook(signed: SignedWebhook): WebhookVerdict {
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
