import { connect } from 'node:net'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { createTenant, createTestApi } from '../support.ts'

const database = await createTestDatabase()
const api = await createTestApi(database)
const { key } = await createTenant(database, api)
const address = new URL(await api.listen(0, '127.0.0.1'))

/** Sends bytes and returns what the server sends until it closes the connection or the timeout passes. */
function send(bytes: readonly Uint8Array[], timeoutMs = 250): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let answer = ''
  const socket = connect(Number(address.port), '127.0.0.1', () => socket.write(Buffer.concat(bytes)))
  socket.setEncoding('latin1').on('data', (text) => {
    answer += text
  })
  socket.on('error', () => undefined).on('close', () => resolve(answer))
  setTimeout(() => socket.destroy(), timeoutMs)
  return promise
}

const upgrade = {
  connection: 'upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'MDEyMzQ1Njc4OWFiY2RlZg==',
  'sec-websocket-protocol': 'graphql-transport-ws',
}
const anyText = fc.string({ unit: 'binary', maxLength: 40 })
const target = fc.oneof(
  fc.constantFrom(
    '/graphql',
    '/graphql?query=%',
    '/media/%00',
    '/readyz?%',
    '//',
    '//[',
    '/\\',
    '*',
    'http://',
    '/%ff',
  ),
  fc.string({ unit: 'grapheme-ascii', maxLength: 30 }).map((text) => `/${text.replaceAll(' ', '+')}`),
)
const document = fc.oneof(
  fc.constantFrom(
    '{',
    '{__typename}',
    'subscription{events{sequence}}',
    '{'.repeat(5_000),
    '{a:viewer{id}}'.repeat(500),
  ),
  anyText,
)
const operation = fc.oneof(
  fc.record(
    { query: fc.oneof(document, fc.json()), variables: fc.jsonValue(), operationName: fc.jsonValue() },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
)
const headers = fc.record(
  {
    authorization: fc.constantFrom(`Bearer ${key}`, 'Bearer rp_live_nobody', 'Basic x', ''),
    'content-type': fc.constantFrom(
      'application/json',
      'multipart/form-data; boundary=x',
      'text/plain',
      'a'.repeat(3_000),
    ),
    accept: fc.constantFrom('*/*', 'text/event-stream', 'text/html', 'multipart/mixed', 'x'),
    host: fc.constantFrom('[', 'a b', '::1', ''),
    range: fc.constantFrom('bytes=9-1', 'bytes=-', 'x'),
    'idempotency-key': fc.constantFrom('"', 'x'.repeat(300), '\u00ff'),
    'transfer-encoding': fc.constant('chunked'),
  },
  { requiredKeys: [] },
)
const request = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'OPTIONS', 'HEAD'),
    target,
    headers,
    body: operation,
  })
  .map(({ body, ...line }) => [head(line), Buffer.from(JSON.stringify(body))])

const frame = fc.oneof(
  fc
    .record({
      type: fc.constantFrom('subscribe', 'complete', 'ping', 'pong', 'next', 'connection_init', '__proto__'),
    })
    .chain(({ type }) =>
      fc
        .record({ id: fc.constantFrom('1', '2', ''), payload: operation })
        .map((rest) => framed({ type, ...rest })),
    ),
  anyText.map((text) => framed(text)),
  fc.uint8Array({ minLength: 1, maxLength: 40 }),
)
const socket = fc
  .record({
    isKnown: fc.boolean(),
    target,
    isAtHome: fc.boolean(),
    frames: fc.array(frame, { maxLength: 6 }),
  })
  .map(({ isKnown, target, isAtHome, frames }) => [
    head({ method: 'GET', target: isAtHome ? '/graphql' : target, headers: upgrade }),
    framed({ type: 'connection_init', payload: { apiKey: isKnown ? key : 'nobody' } }),
    ...frames,
  ])

function head(line: { readonly method: string; readonly target: string; readonly headers: object }): Buffer {
  const all = Object.entries({ host: 'localhost', ...line.headers }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  return Buffer.from([`${line.method} ${line.target} HTTP/1.1`, ...all, '', ''].join('\r\n'), 'latin1')
}

/** A masked text frame (RFC 6455, section 5.2); a mask of zeros is one. */
function framed(message: unknown): Buffer {
  const payload = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message))
  const length =
    payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 0xff]
  return Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), payload])
}

it('the server survives arbitrary bytes, without a 5xx response or an internal detail', async () => {
  const anything = fc.oneof(
    request,
    socket,
    fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => [bytes]),
  )
  const atOnce = fc.array(anything, { minLength: 8, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(atOnce, async (all) => {
      for (const answer of await Promise.all(all.map((bytes) => send(bytes)))) {
        expect(answer).not.toMatch(/^HTTP\/1\.1 5|INTERNAL|node_modules/)
      }
      expect((await fetch(new URL('/livez', address))).status).toBe(200)
    }),
    { numRuns: 60 },
  )
}, 180_000)
