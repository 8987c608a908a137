import { createHmac } from 'node:crypto'

/** The value of the header `TikTok-Signature`. Source: webhooks, verification. */
export function signWebhook(clientSecret: string, unixSeconds: number, body: string): string {
  const digest = createHmac('sha256', clientSecret).update(`${unixSeconds}.${body}`).digest('hex')
  return `t=${unixSeconds},s=${digest}`
}
