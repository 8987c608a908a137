import { createHmac } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { FaultEffect } from '../fault.ts'

const deadlineMs = 5_000

/** What is known after an attempt: the app's status, or that there was none and why. */
export type Attempt =
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'failed'; readonly why: string }

export interface Letter {
  readonly url: string
  readonly body: string
  readonly signature: string
}

/** Tells the app once, and does to it what a fault asks for. Redirects are not followed: TikTok wants 200 at the door. */
export async function sendWebhook(
  { url, body, signature }: Letter,
  effect: FaultEffect | undefined,
  stop: AbortSignal,
): Promise<Attempt> {
  if (effect?.kind === 'status') return { kind: 'answered', status: effect.status }
  if (effect?.kind === 'dropBefore') return { kind: 'failed', why: 'not sent' }
  try {
    if (effect?.kind === 'delay') await wait(effect.delayMs, undefined, { signal: stop })
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json', 'tiktok-signature': signature },
      body: effect?.kind === 'garble' ? body.slice(0, body.length / 2) : body,
      signal: AbortSignal.any([stop, AbortSignal.timeout(deadlineMs)]),
    })
    await response.body?.cancel()
    return effect?.kind === 'dropAfter'
      ? { kind: 'failed', why: 'answer lost' }
      : { kind: 'answered', status: response.status }
  } catch (error) {
    return { kind: 'failed', why: causeOf(error) }
  }
}

/** Fetch hides why a connection failed one level down. */
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
