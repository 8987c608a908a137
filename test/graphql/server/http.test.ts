import { once } from 'node:events'
import { request as send } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { createTenant, createTestApi, type Tenant } from '../support.ts'

let address: string
let tenant: Tenant

beforeAll(async () => {
  const database = await createTestDatabase()
  const api = await createTestApi(database)
  address = await api.listen(0, '127.0.0.1')
  tenant = await createTenant(database, api)
})

/** Like `fetch`, which can neither set the `Host` header nor return the encoded bytes. */
async function get(path: string, headers: Readonly<Record<string, string>>, method = 'GET') {
  const sent = send(`${address}${path}`, { method, headers }).end()
  const [response] = await once(sent, 'response')
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part)
  const bytes = Buffer.concat(parts)
  return {
    status: response.statusCode as number,
    headers: response.headers as Readonly<Record<string, string | undefined>>,
    bytes,
    text: bytes.toString(),
  }
}

const asPage = { accept: 'text/html,application/xhtml+xml' }
const signedIn = () => ({ authorization: `Bearer ${tenant.key}` })

describe('a request with a foreign Host header', () => {
  const foreign = { host: 'evil.test' }

  it.each(['/', '/graphql', '/graphql?query={__typename}', '/media/x', '/graphiql/x/page.js', '/anything'])(
    'is refused at %s, with and without a key, with JSON that names PUBLIC_URL',
    async (path) => {
      for (const headers of [foreign, { ...foreign, ...asPage }, { ...foreign, ...signedIn() }]) {
        const answer = await get(path, headers)
        expect(answer.status).toBe(421)
        expect(JSON.parse(answer.text).errors).toEqual([
          { message: expect.stringContaining('PUBLIC_URL'), extensions: { code: 'HOST_NOT_ALLOWED' } },
        ])
        expect(answer.headers['access-control-allow-origin']).toBeUndefined()
      }
    },
  )

  it('cannot open a WebSocket', async () => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1')
    const lines = ['GET /graphql HTTP/1.1', 'host: evil.test', 'connection: upgrade', 'upgrade: websocket']
    const key = ['sec-websocket-version: 13', 'sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==']
    socket.end([...lines, ...key, '', ''].join('\r\n'))
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1.1 421 Misdirected Request\r\n/)
    expect(answer).toContain('HOST_NOT_ALLOWED')
  })

  it('can read the health checks, as probes do', async () => {
    expect((await get('/livez', foreign)).status).toBe(200)
    expect((await get('/readyz', foreign)).status).toBe(200)
  })
})

describe('the GraphiQL page', () => {
  const from = { ...asPage, origin: 'https://evil.example' }

  it('is the same for every request and contains no key', async () => {
    const [mine, theirs] = [await get('/graphql', { ...asPage, ...signedIn() }), await get('/graphql', from)]
    expect(mine.text).toBe(theirs.text)
    expect(mine.text).not.toContain('rp_live_0')
    expect(mine.bytes.length).toBeLessThan(2_000)
  })

  it('cannot be read or framed by other origins, and runs no scripts but its own', async () => {
    const { headers } = await get('/graphql', from)
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    expect(headers).toMatchObject({
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    const policy = headers['content-security-policy'] ?? ''
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("default-src 'none'")
    expect(policy).toMatch(/script-src 'self';/)
  })

  it('is revalidated with its ETag', async () => {
    const first = await get('/graphql', asPage)
    expect(first.headers).toMatchObject({ 'cache-control': 'no-cache', vary: 'accept' })
    const revalidated = await get('/graphql', { ...asPage, 'if-none-match': first.headers.etag ?? '' })
    expect([revalidated.status, revalidated.bytes.length]).toEqual([304, 0])
    const head = await get('/graphql', asPage, 'HEAD')
    expect([head.status, head.bytes.length, head.headers.etag]).toEqual([200, 0, first.headers.etag])
  })

  it('loads compressed files, which are cached forever under their hash', async () => {
    const { text: page } = await get('/graphql', asPage)
    const [path = ''] = /graphiql\/\w+\/graphiql\.js/.exec(page) ?? []
    const plain = await get(`/${path}`, {})
    expect(plain.bytes.length).toBeGreaterThan(4_000_000)
    const brotli = await get(`/${path}`, { 'accept-encoding': 'gzip, deflate, br;q=0.9' })
    const gzip = await get(`/${path}`, { 'accept-encoding': 'gzip, br;q=0' })
    expect([brotli.headers['content-encoding'], gzip.headers['content-encoding']]).toEqual(['br', 'gzip'])
    expect(brotli.bytes.length).toBeLessThan(1_300_000)
    expect(brotliDecompressSync(brotli.bytes).equals(plain.bytes)).toBe(true)
    expect(gunzipSync(gzip.bytes).equals(plain.bytes)).toBe(true)
    for (const { headers } of [plain, brotli, gzip])
      expect(headers).toMatchObject({
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': 'public, max-age=31536000, immutable',
        vary: 'accept-encoding',
      })
    const revalidated = await get(`/${path}`, {
      'accept-encoding': 'br',
      'if-none-match': brotli.headers.etag ?? '',
    })
    expect([revalidated.status, revalidated.bytes.length]).toEqual([304, 0])
    for (const other of [path.replace(/\/\w+\//, '/0123456789abcdef/'), `${path}/..`, 'graphiql/x'])
      expect((await get(`/${other}`, {})).status).toBe(404)
  })
})

describe('a request with a key in the header Authorization', () => {
  it.each<[string, Record<string, string>]>([
    ['no other header', {}],
    ['the header of Apollo clients', { 'apollo-require-preflight': 'true' }],
    [
      'the headers of other clients',
      { 'graphql-require-preflight': 'true', 'x-requested-with': 'XMLHttpRequest' },
    ],
  ])('and %s may query by GET', async (_name, headers) => {
    const answer = await get('/graphql?query={viewer{organization{id}}}', { ...signedIn(), ...headers })
    expect([answer.status, JSON.parse(answer.text).data.viewer.organization.id]).toEqual([
      200,
      tenant.ids.organization,
    ])
  })

  it('may subscribe by GET, and the response forbids proxies to buffer or transform it', async () => {
    const query = encodeURIComponent('subscription { events(after: 0) { sequence } }')
    const response = await fetch(`${address}/graphql?query=${query}`, {
      headers: { ...signedIn(), accept: 'text/event-stream' },
    })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform')
    await response.body?.cancel()
  })

  it('cannot send a mutation by GET', async () => {
    const query = encodeURIComponent('mutation { runScan(input: {}) { __typename } }')
    const answer = await get(`/graphql?query=${query}`, signedIn())
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST'])
    expect(JSON.parse(answer.text).errors[0].extensions.code).toEqual(expect.any(String))
  })

  it('is what the error of a request without one asks for', async () => {
    for (const headers of [{}, { 'graphql-require-preflight': 'true' }]) {
      const answer = await get('/graphql?query={__typename}', headers)
      expect([answer.status, JSON.parse(answer.text).errors[0].message]).toEqual([
        401,
        expect.stringContaining('`Authorization: Bearer'),
      ])
    }
  })

  it('may come from a script of another origin, but not with cookies', async () => {
    const preflight = { origin: 'https://my.example', 'access-control-request-method': 'POST' }
    const requestedHeaders = { ...preflight, 'access-control-request-headers': 'authorization,content-type' }
    const { headers } = await get('/graphql', requestedHeaders, 'OPTIONS')
    expect(headers['access-control-allow-headers']).toBe('authorization,content-type')
    expect(headers['access-control-allow-credentials']).toBeUndefined()
  })
})

describe('an invalid request', () => {
  it.each<[string, string, string, Record<string, string>, number]>([
    ['an unknown path', 'GET', '/nothing', {}, 404],
    ['an unknown path of a browser', 'GET', '/nothing', asPage, 404],
    ['another method', 'DELETE', '/graphql', {}, 405],
    ['a page by POST', 'POST', '/graphql', asPage, 415],
    ['another content type', 'POST', '/graphql', { 'content-type': 'text/plain' }, 415],
    ['an unsupported Accept header', 'GET', '/graphql?query={__typename}', { accept: 'image/png' }, 406],
    ['a video by POST', 'POST', '/media/x', {}, 405],
  ])('gets an error in JSON with a code: %s', async (_name, method, path, headers, status) => {
    const answer = await get(path, { ...signedIn(), ...headers }, method)
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toMatch(/json/)
    expect(JSON.parse(answer.text).errors[0].extensions.code).toMatch(/^[A-Z_]+$/)
    expect(answer.headers).toMatchObject({ 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff' })
  })

  it.each([
    ['malformed bytes', 'nonsense\r\n\r\n', 400],
    [
      'a WebSocket of another version',
      'GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 1\r\n\r\n',
      400,
    ],
    [
      'a header that is too large',
      `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
  ])('gets an error in JSON with a code over a raw socket: %s', async (_name, bytes, status) => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1')
    socket.end(bytes)
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(JSON.parse(body).errors[0].extensions.code).toMatch(/^[A-Z_]+$/)
  })
})
