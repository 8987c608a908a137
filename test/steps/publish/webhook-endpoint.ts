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
  /** Delivers a body with a current signature; throws if it is not accepted. */
  deliver(body: string): Promise<void>
}

/** Serves the webhook route on a real socket. */
export async function openWebhookEndpoint(
  { database, deps, clock }: Pick<Harness, 'database' | 'deps' | 'clock'>,
  { clientKey, clientSecret }: LocalApp,
): Promise<WebhookEndpoint> {
  const route = createWebhookRoute({
    db: database.runtime.db,
    deps,
    clientKey,
    clientSecret: new Secret(clientSecret),
    log: createLogger('silent', false),
  })
  const server = createServer((request, response) => void route(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/` // A TCP server's address is an object.
  return {
    url,
    async deliver(body) {
      const signature = signWebhook(clientSecret, Math.floor(clock.now() / 1_000), body)
      const headers = { 'tiktok-signature': signature }
      const { status } = await fetch(url, { method: 'POST', body, headers })
      if (status !== 200) throw new Error(`the webhook route answered ${status}`)
    },
  }
}
