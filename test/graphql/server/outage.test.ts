import { createHash, createHmac } from 'node:crypto'
import { createClient } from 'graphql-ws'
import { pino } from 'pino'
import { beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { callbackPath, webhookPath } from '../../../src/inbound/authorization.ts'
import { createCallbackRoute } from '../../../src/inbound/callback-route.ts'
import { createWebhookRoute } from '../../../src/inbound/webhook-route.ts'
import { createTikTokClient } from '../../../src/providers/tiktok/client.ts'
import { Secret } from '../../../src/secret.ts'
import { connect } from '../../../src/store/database.ts'
import { createEncryptor } from '../../../src/vault/encryptor.ts'
import { keyRingOf } from '../../../src/vault/key-ring.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createTestDatabase } from '../../support/database.ts'
import { startPostgresProxy } from '../../support/postgres-proxy.ts'
import { createRunningPlan, createTenant, createTestApi, type Tenant } from '../support.ts'

const real = await createTestDatabase()
const deps = await createCommandDeps(real)
const proxy = await startPostgresProxy(real.url)
const by = (role: 'reelpilot_api' | 'reelpilot_runtime') =>
  connect(proxy.url, role, { max: 5, name: 'test', onError: () => undefined })
const database = {
  url: proxy.url,
  owner: real.owner,
  api: by('reelpilot_api'),
  runtime: by('reelpilot_runtime'),
}

const lines: string[] = []
const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
const clientSecret = new Secret('canary-secret')
const tiktok = createTikTokClient({ apiBase: 'http://tiktok.test', clientKey: 'ck_test', clientSecret })
const ring = keyRingOf([Buffer.alloc(32, 1)])
const connecting = {
  ...deps,
  db: database.runtime.db,
  tiktok,
  encryptor: createEncryptor(() => ring),
  notifications: { send: () => undefined },
}

let address: string
let tenant: Tenant

const signedIn = () => ({ authorization: `Bearer ${tenant.key}`, 'content-type': 'application/json' })
const body = JSON.stringify({ query: '{ viewer { organization { id } } }' })
const socketClient = () =>
  createClient({
    url: `${address.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { apiKey: tenant.key },
    retryAttempts: 0,
    lazy: false,
    onNonLazyError: () => undefined,
  })
const client = { open: undefined as ReturnType<typeof socketClient> | undefined }
/** The response to a mutation whose connection is lost in the middle of its transaction. */
let halfway: Promise<Response>

beforeAll(async () => {
  const api = await createTestApi(database, {
    log,
    routes: [
      { path: callbackPath, handle: createCallbackRoute(connecting, () => address, log) },
      {
        path: webhookPath,
        handle: createWebhookRoute({
          db: database.runtime.db,
          deps,
          clientKey: 'ck_test',
          clientSecret,
          log,
        }),
      },
    ],
  })
  address = await api.listen(0, '127.0.0.1')
  tenant = await createTenant(database, api)
  expect((await fetch(`${address}/graphql`, { method: 'POST', headers: signedIn(), body })).status).toBe(200)
  const socket = socketClient()
  await socket.iterate({ query: '{ viewer { organization { id } } }' }).next()
  client.open = socket

  const { slotIds } = await createRunningPlan(tenant, [3 * 24 * 60])
  const query = 'mutation ($input: StartJobInput!) { startJob(input: $input) { __typename } }'
  const headers = { ...signedIn(), 'idempotency-key': 'halfway' }
  const sent = JSON.stringify({ query, variables: { input: { slotId: slotIds[0] } } })
  const reached = proxy.stopAt('working', () => undefined)
  halfway = fetch(`${address}/graphql`, { method: 'POST', headers, body: sent })
  await reached
  await proxy.close()
})

/** Internal details that a response must not contain. */
const internals = /node_modules|\.ts:\d|\bat .+:\d+:\d+|ECONN|Connection terminated/

function expectUnavailable(response: { status: number; headers: Headers }, text: string): void {
  expect(response.status).toBe(503)
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(text).not.toMatch(internals)
}

describe('while the database is unavailable', () => {
  const webhook = () => {
    const at = Math.floor(Date.now() / 1_000)
    const signature = createHmac('sha256', 'canary-secret').update(`${at}.{}`).digest('hex')
    return { method: 'POST', body: '{}', headers: { 'tiktok-signature': `t=${at},s=${signature}` } }
  }
  it.each<[string, string, () => RequestInit]>([
    ['an operation', '/graphql', () => ({ method: 'POST', headers: signedIn(), body })],
    ['a query by GET', '/graphql?query={__typename}', () => ({ headers: signedIn() })],
    [
      'a subscription',
      '/graphql',
      () => ({
        method: 'POST',
        headers: { ...signedIn(), accept: 'text/event-stream' },
        body: JSON.stringify({ query: 'subscription { events { type } }' }),
      }),
    ],
    [
      'a video',
      `/media/${createHash('sha256').digest('hex')}`,
      () => ({ headers: { authorization: `Bearer ${tenant.key}` } }),
    ],
    ['a webhook', webhookPath, webhook],
  ])('%s gets 503 with a code and a retry delay', async (_name, path, init) => {
    const response = await fetch(`${address}${path}`, init())
    const text = await response.text()
    expectUnavailable(response, text)
    expect(JSON.parse(text).errors[0].extensions).toMatchObject({
      code: 'UNAVAILABLE',
      retryAfterSeconds: Number(response.headers.get('retry-after')),
    })
  })

  it('a mutation gets 503 if its connection is lost in the middle of its transaction', async () => {
    const response = await halfway
    const text = await response.text()
    expectUnavailable(response, text)
    expect(JSON.parse(text).errors[0].extensions).toMatchObject({ code: 'UNAVAILABLE', retryAfterSeconds: 5 })
  })

  it('a person who returns from TikTok gets a page', async () => {
    const response = await fetch(`${address}${callbackPath}?code=x&scopes=&state=s`)
    const text = await response.text()
    expectUnavailable(response, text)
    expect(response.headers.get('content-type')).toContain('text/html')
    expect(response.headers.get('x-frame-options')).toBe('DENY')
    expect(text).toContain('Reload this page in a minute')
  })

  it('a new WebSocket is closed with "try again later"', async () => {
    const failure = await new Promise<{ code: number; reason: string }>((resolve) => {
      createClient({
        url: `${address.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        connectionParams: { apiKey: tenant.key },
        retryAttempts: 0,
        lazy: false,
        onNonLazyError: (error) => resolve(error as { code: number; reason: string }), // A close event.
      })
    })
    expect(failure.code).toBe(1013)
    expect(failure.reason).toContain('The database is unreachable')
  })

  it('an operation on an open WebSocket gets an UNAVAILABLE error', async () => {
    const pending = client.open?.iterate({ query: '{ viewer { organization { id } } }' }).next()
    await expect(pending).rejects.toMatchObject([
      { extensions: { code: 'UNAVAILABLE', retryAfterSeconds: 5 } },
    ])
    await client.open?.dispose()
  })

  it('nothing is logged as a bug', () => {
    expect(
      lines.filter((line) => line.includes('a request failed') || line.includes('a resolver failed')),
    ).toEqual([])
  })
})
