import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { createClient } from 'graphql-ws'
import { beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { appendEvent } from '../../../src/store/event/append.ts'
import { insertStoredVideo } from '../../../src/store/media/stored-video.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import {
  createDraft,
  createRunningPlan,
  createTenant,
  createTestApi,
  mutate,
  type Tenant,
  type TestApi,
} from '../support.ts'

let database: TestDatabase
let api: TestApi
let address: string
let tenant: Tenant
let otherTenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database, {
    socketLimits: { sockets: 20, socketsPerOrganization: 3, operationsPerSocket: 2 },
  })
  address = await api.listen(0, '127.0.0.1')
  tenant = await createTenant(database, api)
  otherTenant = await createTenant(database, api)
})

function socketClient(key: string) {
  return createClient({
    url: `${address.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { apiKey: key },
    retryAttempts: 0,
    lazy: true,
  })
}

describe('over WebSocket', () => {
  it('a subscription replays earlier events, then delivers live ones, each once', async () => {
    const { planId } = await createDraft(tenant, [60])
    const client = socketClient(tenant.key)
    const events = client.iterate<{ events: { sequence: number; type: string } }>({
      query: 'subscription { events(after: 1) { sequence type plan { state } } }',
    })
    const seen: string[] = []
    for await (const { data } of events) {
      if (!data) throw new Error('an event without data')
      expect(data.events.sequence).toBe(seen.length + 2)
      seen.push(data.events.type)
      if (data.events.type === 'slots.added') await mutate(tenant, 'submitPlanForReview', { planId })
      if (data.events.type === 'plan.submitted') break
    }
    expect(seen).toEqual(['plan.created', 'slots.added', 'plan.submitted'])
    await client.dispose()
  })

  it('planEvents delivers the events of a plan and its jobs, jobEvents those of one job', async () => {
    const { planId, slotIds } = await createRunningPlan(tenant, [60])
    await createRunningPlan(tenant, [60])
    const { node } = await tenant.request(
      'query ($id: ID!) { node(id: $id) { ... on Slot { job { id } } } }',
      {
        id: slotIds[0],
      },
    )
    const client = socketClient(tenant.key)
    const collect = async (query: string, count: number) => {
      const seen: string[] = []
      for await (const { data } of client.iterate<Record<string, { type: string }>>({ query })) {
        seen.push(...Object.values(data ?? {}).map(({ type }) => type))
        if (seen.length === 1) await mutate(tenant, 'pauseJob', { jobId: node.job.id }, 'job { id }')
        if (seen.length === count) return seen
      }
      throw new Error(`ended after ${seen.join(', ')}`)
    }
    expect(await collect(`subscription { planEvents(planId: "${planId}", after: 0) { type } }`, 7)).toEqual([
      'plan.created',
      'slots.added',
      'plan.submitted',
      'plan.autopilotChanged',
      'job.transitioned',
      'plan.approved',
      'job.transitioned',
    ])
    await mutate(tenant, 'resumeJob', { jobId: node.job.id }, 'job { id }')
    const ofJob = await collect(`subscription { jobEvents(jobId: "${node.job.id}", after: 0) { type } }`, 3)
    expect(ofJob).toEqual(['job.transitioned', 'job.transitioned', 'job.transitioned'])
    await client.dispose()
  })

  it('accountEvents replays, then delivers live events, but none of other accounts or of jobs', async () => {
    const own = await createTenant(database, api)
    await createRunningPlan(own, [60])
    const startConnecting = () => mutate(own, 'connectAccount', {}, 'account { id }')
    const { account } = await startConnecting()
    await startConnecting()
    const [, accountId = ''] = Buffer.from(account.id, 'base64url').toString().split(':')
    const atRisk = { organizationId: own.organizationId, type: 'account.slotsEndangered', accountId }
    await database.runtime.db.transaction().execute((tx) => appendEvent(tx, atRisk))
    const client = socketClient(own.key)
    const query = `subscription { accountEvents(accountId: "${account.id}", after: 0) {
      type payload account { id state } job { id } revision } }`
    const seen: unknown[] = []
    for await (const { data } of client.iterate<{ accountEvents: { payload: { to: string } } }>({ query })) {
      seen.push(data?.accountEvents)
      if (seen.length === 2)
        await mutate(own, 'disconnectAccount', { accountId: account.id }, 'account { id }')
      if (seen.length === 3) break
    }
    expect(seen).toMatchObject([
      { type: 'account.transitioned', payload: { from: null, to: 'connecting' }, job: null, revision: 1 },
      { type: 'account.slotsEndangered', account: { id: account.id }, revision: null },
      {
        type: 'account.transitioned',
        payload: { from: 'connecting', to: 'disconnected', event: 'disconnect' },
        account: { id: account.id, state: 'DISCONNECTED' },
        job: null,
        revision: 2,
      },
    ])
    await client.dispose()
  })

  it('queries are executed with the same checks as over HTTP', async () => {
    const client = socketClient(tenant.key)
    const one = async (query: string) => (await client.iterate({ query }).next()).value
    expect(await one('{ viewer { organization { id } } }')).toMatchObject({
      data: { viewer: { organization: { id: tenant.ids.organization } } },
    })
    const deep = `{ plans { nodes ${'{ account { id } slots { nodes { plan '.repeat(5)} { id } ${'} } }'.repeat(5)} } }`
    await expect(one(deep)).rejects.toMatchObject([{ extensions: { requestId: expect.any(String) } }])
    await client.dispose()
  })

  it('a socket is closed for an unknown key, and above the maximum per organization', async () => {
    const closeCode = async (key: string) => {
      const client = socketClient(key)
      const failure = client.iterate({ query: 'subscription { events { type } }' }).next()
      return await failure.then(
        () => null,
        (event: { code: number }) => event.code,
      )
    }
    expect(await closeCode('rp_live_nobody')).toBe(4403)
    const crowd = Array.from({ length: 3 }, () => socketClient(otherTenant.key))
    const first = await Promise.all(
      crowd.map((client) => client.iterate({ query: '{ viewer { apiKey { id } } }' }).next()),
    )
    expect(first).toHaveLength(3)
    const subscriptions = crowd.map((client) =>
      client.iterate({ query: 'subscription { events(after: 0) { type } }' }),
    )
    await Promise.all(subscriptions.map((events) => events.next()))
    expect(await closeCode(otherTenant.key)).toBe(4403)
    await Promise.all(crowd.map((client) => client.dispose()))
  })

  it('a socket may have only a limited number of operations', async () => {
    const client = socketClient(tenant.key)
    const follow = () => client.iterate({ query: 'subscription { events(after: 0) { type } }' })
    const [first, second] = [follow(), follow()]
    await Promise.all([first.next(), second.next()])
    await expect(follow().next()).rejects.toMatchObject([{ extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' } }])
    await client.dispose()
  })
})

describe('over server-sent events', () => {
  it('a subscription replays, goes live, and ends when its key is revoked', async () => {
    const { key, keyId } = await freshKey()
    const response = await fetch(`${address}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({ query: 'subscription { events(after: 0) { sequence type } }' }),
    })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    let text = ''
    let revoked = false
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      if (!revoked && text.includes('apiKey.created')) {
        revoked = true
        await mutate(tenant, 'revokeApiKey', { apiKeyId: keyId }, 'apiKey { id }')
      }
    }
    const sequences = [...text.matchAll(/"sequence":(\d+)/g)].map(([, sequence]) => Number(sequence))
    expect(sequences).toEqual(sequences.map((_, index) => index + 1))
    expect(text).toContain('UNAUTHENTICATED')
  })

  async function freshKey() {
    const { createApiKey } =
      await tenant.request(`mutation { createApiKey(input: { name: "SSE", scopes: [READ] }) {
      ... on CreateApiKeyPayload { key apiKey { id } } } }`)
    return { key: createApiKey.key as string, keyId: createApiKey.apiKey.id as string }
  }
})

describe('videos', () => {
  const content = Buffer.from('0123456789abcdef')
  const sha256 = createHash('sha256').update(content).digest('hex')
  const get = (headers: Readonly<Record<string, string>> = {}, method = 'GET', as = tenant) =>
    fetch(`${address}/media/${sha256}`, {
      method,
      headers: { authorization: `Bearer ${as.key}`, ...headers },
    })

  beforeAll(async () => {
    const { organizationId } = tenant
    await api.storage.put(
      organizationId,
      (async function* () {
        yield content
      })(),
    )
    await insertStoredVideo(database.runtime.db, {
      organizationId,
      sha256,
      bytes: content.length,
      seconds: 4,
      width: 360,
      height: 640,
    })
  })

  it('are served whole, by HEAD, and as 304 for a matching ETag', async () => {
    const whole = await get()
    expect(whole.status).toBe(200)
    expect(whole.headers.get('content-type')).toBe('video/mp4')
    expect(whole.headers.get('etag')).toBe(`"${sha256}"`)
    expect(await whole.text()).toBe(content.toString())
    const head = await get({}, 'HEAD')
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '16', ''])
    expect((await get({ 'if-none-match': `"${sha256}"` })).status).toBe(304)
  })

  it.each([
    ['bytes=0-3', 206, 'bytes 0-3/16', '0123'],
    ['bytes=12-', 206, 'bytes 12-15/16', 'cdef'],
    ['bytes=-2', 206, 'bytes 14-15/16', 'ef'],
    ['bytes=14-99', 206, 'bytes 14-15/16', 'ef'],
    ['bytes=5-2', 200, null, content.toString()],
    ['bytes=0-1,4-5', 200, null, content.toString()],
    ['bytes=16-', 416, 'bytes */16', null],
    ['bytes=-0', 416, 'bytes */16', null],
  ])('are served for the range %s with %i', async (range, status, contentRange, text) => {
    const response = await get({ range })
    expect(response.status).toBe(status)
    expect(response.headers.get('content-range')).toBe(contentRange)
    if (text !== null) expect(await response.text()).toBe(text)
    else await response.body?.cancel()
  })

  it('are served whole if If-Range names other content', async () => {
    expect((await get({ range: 'bytes=0-3', 'if-range': '"other"' })).status).toBe(200)
  })

  it('are served neither to other organizations nor without a key', async () => {
    expect((await get({}, 'GET', otherTenant)).status).toBe(404)
    expect((await fetch(`${address}/media/${sha256}`)).status).toBe(401)
    expect(
      (await fetch(`${address}/media/..%2f..%2fetc`, { headers: { authorization: `Bearer ${tenant.key}` } }))
        .status,
    ).toBe(404)
    expect((await get({}, 'POST')).status).toBe(405)
  })
})

describe('a server behind a proxy', () => {
  const links = '{ jobs { nodes { media { url } } } }'

  it('returns links that begin with its public URL, over HTTP and WebSocket', async () => {
    const own = await createTestApi(database, { publicUrl: 'https://reels.example/api/' })
    const base = await own.listen(0, '127.0.0.1')
    const someone = await createTenant(database, own)
    await createRunningPlan(someone, [60])
    const media = { sha256: 'ab'.repeat(32), bytes: 1, seconds: 1, width: 1, height: 1 }
    await database.owner.pool.query(
      `update reelpilot.machine_instance set context = context || $1::jsonb where organization_id = $2 and machine = 'job'`,
      [JSON.stringify({ media }), someone.organizationId],
    )
    await insertStoredVideo(database.runtime.db, { organizationId: someone.organizationId, ...media })
    const url = expect.stringMatching(/^https:\/\/reels\.example\/api\/media\/[0-9a-f-]{36}\/file\?token=/)
    const answer = { jobs: { nodes: [{ media: { url } }] } }
    expect(await someone.request(links)).toEqual(answer)
    const client = createClient({
      url: `${base.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { apiKey: someone.key },
    })
    expect((await client.iterate({ query: links }).next()).value).toEqual({ data: answer })
    await client.dispose()
    await own.close()
  })
})

describe('a request that is rejected before it has a document', () => {
  it.each([
    ['that is no JSON', '{'],
    ['without a query', '{}'],
    ['with an unknown document', '{"documentId":"none"}'],
    [
      'with a document by its hash',
      `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"${'0'.repeat(64)}"}}}`,
    ],
    ['with variables that are no object', '{"query":"{__typename}","variables":[1]}'],
    ['that cannot be parsed', '{"query":"{"}'],
  ])('has the id of its header in its error: one %s', async (_what, body) => {
    const headers = { authorization: `Bearer ${tenant.key}`, 'content-type': 'application/json' }
    const response = await fetch(`${address}/graphql`, { method: 'POST', headers, body })
    const requestId = response.headers.get('x-request-id')
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/)
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: expect.any(String), requestId } }],
    })
  })
})

describe('a malformed request', () => {
  /** Sends a raw request and returns the whole response. */
  const answerTo = async (target: string, ...headers: readonly string[]) => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1')
    socket.end([`GET ${target} HTTP/1.1`, 'connection: close', ...headers, '', ''].join('\r\n'))
    return await text(socket)
  }
  const toWebSocket = [
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==',
  ]

  it.each([
    { target: '//', host: 'localhost', status: 404 },
    { target: '//[', host: 'localhost', status: 404 },
    { target: 'http://', host: 'localhost', status: 400 },
    { target: '*', host: '', status: 400 },
    { target: '/graphql', host: '[', status: 400 },
  ])('is refused without affecting others: $target at $host', async ({ target, host, status }) => {
    const answer = await answerTo(target, `host: ${host}`)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer).not.toContain('node_modules')
    expect(await answerTo(target, `host: ${host}`, ...toWebSocket)).toMatch(/^HTTP\/1.1 404 /)
    expect((await fetch(`${address}/livez`)).status).toBe(200)
  })

  it('on a WebSocket closes that socket without affecting others', async () => {
    const socket = new WebSocket(`${address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    await once(socket, 'open')
    // A frame with an invalid opcode, written past the client library.
    const { _socket: wire } = socket as unknown as { readonly _socket: Socket }
    wire.write(Buffer.from([0x8b, 0x80, 0, 0, 0, 0]))
    const [code] = await once(socket, 'close')
    expect(code).toBe(1002)
    expect((await fetch(`${address}/livez`)).status).toBe(200)
  })
})

describe('an additional route', () => {
  it('is served at exactly its path, and its errors become a masked 500', async () => {
    const own = await createTestApi(database, {
      routes: [
        {
          path: '/webhooks/test',
          handle: async (request, response) => {
            response.writeHead(202, { 'x-method': request.method ?? '' }).end(request.url)
          },
        },
        {
          path: '/broken',
          handle: async () => {
            throw new Error('canary')
          },
        },
      ],
    })
    const base = await own.listen(0, '127.0.0.1')
    const found = await fetch(`${base}/webhooks/test?a=b`, { method: 'POST', body: '{}' })
    expect([found.status, found.headers.get('x-method'), await found.text()]).toEqual([
      202,
      'POST',
      '/webhooks/test?a=b',
    ])
    for (const path of ['/webhooks/test/', '/webhooks', '/webhooks/test/more'])
      expect((await fetch(`${base}${path}`)).status).toBe(404)
    const broken = await fetch(`${base}/broken`)
    const body = await broken.text()
    expect([broken.status, JSON.parse(body).errors[0].extensions]).toEqual([
      500,
      { code: 'INTERNAL', requestId: broken.headers.get('x-request-id') },
    ])
    expect(body).not.toContain('canary')
    await own.close()
  })
})

describe('closing the server', () => {
  it('ends SSE subscriptions with the end of the stream and WebSockets with 1001', async () => {
    const own = await createTestApi(database)
    const base = await own.listen(0, '127.0.0.1')
    expect((await fetch(`${base}/livez`)).status).toBe(200)
    expect(await (await fetch(`${base}/readyz`)).json()).toMatchObject({
      ok: true,
      degraded: false,
      checks: { database: true },
      limits: { store: 'postgres', shares: 1 },
    })
    const stream = await fetch(`${base}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tenant.key}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({ query: 'subscription { events(after: 0) { type } }' }),
    })
    const socket = new WebSocket(`${base.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    const acknowledged = new Promise((resolve) => socket.once('message', resolve))
    socket.once('open', () =>
      socket.send(JSON.stringify({ type: 'connection_init', payload: { apiKey: tenant.key } })),
    )
    await acknowledged
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    const closing = own.close()
    expect(await stream.text()).toContain('event: complete')
    expect(await closed).toBe(1001)
    await closing
    await expect(fetch(`${base}/livez`)).rejects.toThrow()
  })
})
