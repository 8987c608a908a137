import { createHmac } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { FaultEffect } from '../fault.ts'

const timeoutMs = 5_000

/** The result of an attempt: the app's status, or the reason why there is none. */
export type Attempt =
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'failed'; readonly reason: string }

export interface WebhookRequest {
  readonly url: string
  readonly body: string
  readonly signature: string
}

/** Sends a webhook once and applies a fault to it. Redirects are not followed: TikTok accepts only 200. */
export async function sendWebhook(
  { url, body, signature }: WebhookRequest,
  effect: FaultEffect | undefined,
  stop: AbortSignal,
): Promise<Attempt> {
  if (effect?.kind === 'status') return { kind: 'answered', status: effect.status }
  if (effect?.kind === 'dropBefore') return { kind: 'failed', reason: 'not sent' }
  try {
    if (effect?.kind === 'delay') await wait(effect.delayMs, undefined, { signal: stop })
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json', 'tiktok-signature': signature },
      body: effect?.kind === 'garble' ? body.slice(0, body.length / 2) : body,
      signal: AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]),
    })
    await response.body?.cancel()
    return effect?.kind === 'dropAfter'
      ? { kind: 'failed', reason: 'answer lost' }
      : { kind: 'answered', status: response.status }
  } catch (error) {
    return { kind: 'failed', reason: causeOf(error) }
  }
}

/** `fetch` has the reason of a failed connection in the error's cause. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { cause } = error
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.name
}

/** The value of the header `TikTok-Signature`. Source: webhooks, verification. */
export function signWebhook(clientSecret: string, unixSeconds: number, body: string): string {
  const digest = createHmac('sha256', clientSecret).update(`${unixSeconds}.${body}`).digest('hex')
  return `t=${unixSeconds},s=${digest}`
}
