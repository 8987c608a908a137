import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { createWebhookRoute } from '../../../src/inbound/webhook-route.ts'
import { createLogger } from '../../../src/logger.ts'
import { Secret } from '../../../src/secret.ts'
import type { LocalApp } from '../../../src/simulator/record.ts'
import { signWebhook } from '../../../src/simulator/webhook/send.ts'
import type { Harness } from './harness.ts'

export interface WebhookEndpoint {
  readonly url: string
  /** Delivers a body, signed as of now; throws if it is not taken. */
  tell(body: string): Promise<void>
}

/** The route that TikTok's webhooks come in by, on a socket. */
export async function openWebhookEndpoint(
  { database, deps, clock }: Pick<Harness, 'database' | 'deps' | 'clock'>,
  { clientKey, clientSecret }: LocalApp,
): Promise<WebhookEndpoint> {
  const take = createWebhookRoute({
    db: database.runtime.db,
    deps,
    clientKey,
    clientSecret: new Secret(clientSecret),
    log: createLogger('silent', false),
  })
  const server = createServer((request, response) => void take(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/` // A TCP server's address is an object.
  return {
    url,
    async tell(body) {
      const signature = signWebhook(clientSecret, Math.floor(clock.now() / 1_000), body)
      const headers = { 'tiktok-signature': signature }
      const { status } = await fetch(url, { method: 'POST', body, headers })
      if (status !== 200) throw new Error(`the webhook was answered ${status}`)
    },
  }
}
