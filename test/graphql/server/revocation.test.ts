import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createClient } from 'graphql-ws'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { insertStoredVideo } from '../../../src/store/media/stored-video.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'
import {
  createDraft,
  createKey,
  createTenant,
  createTestApi,
  globalId,
  mutate,
  type Tenant,
  type TestApi,
} from '../support.ts'

let database: TestDatabase
let api: TestApi
let address: URL
let tenant: Tenant
let key: string
let keyId: string
const open: { destroy(): void }[] = []

/** So many events of two kilobytes that the buffers of the connection cannot hold them all. */
const total = 20_000

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database)
  address = new URL(await api.listen(0, '127.0.0.1'))
  tenant = await createTenant(database, api)
  const { organizationId } = tenant
  const { pool } = database.owner
  const { rows } = await pool.query('select sequence from reelpilot.event_head where organization_id = $1', [
    organizationId,
  ])
  await pool.query(
    `insert into reelpilot.event (organization_id, sequence, type, payload)
     select $1, n, 'test', jsonb_build_object('text', repeat('x', 2000)) from generate_series($2::int, $3::int) n`,
    [organizationId, Number(rows[0].sequence) + 1, total],
  )
  await pool.query('update reelpilot.event_head set sequence = $2 where organization_id = $1', [
    organizationId,
    total,
  ])
})

const freshKey = async () => {
  ;({ key, keyId } = await createKey(database, tenant.organizationId, ['read']))
}
const revoke = () => mutate(tenant, 'revokeApiKey', { apiKeyId: globalId('ApiKey', keyId) }, 'apiKey { id }')

afterEach(() => {
  for (const each of open.splice(0)) each.destroy()
})

const query = 'subscription { events(after: 0) { sequence type payload } }'

async function openSocket(): Promise<WebSocket> {
  const url = new URL('/graphql', address)
  url.protocol = 'ws'
  const socket = new WebSocket(url, 'graphql-transport-ws')
  open.push({ destroy: () => socket.terminate() })
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { apiKey: key } }))
  await once(socket, 'message')
  return socket
}

async function followBySse(): Promise<Response> {
  return await fetch(new URL('/graphql', address), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
    },
    body: JSON.stringify({ query }),
  })
}

async function storeVideo(bytes: number) {
  const content = Buffer.alloc(bytes, 'video')
  const sha256 = createHash('sha256').update(content).digest('hex')
  const { organizationId } = tenant
  await api.storage.put(
    organizationId,
    (async function* () {
      yield content
    })(),
  )
  const kept = { organizationId, sha256, bytes, seconds: 4, width: 360, height: 640 }
  await insertStoredVideo(database.runtime.db, kept)
  return kept
}

/** Waits until the server reads no more pages because the connection is full: twenty polls in a row see the same last query. */
async function untilStalled() {
  let before = ''
  let same = 0
  await waitUntil(
    async () => {
      const { rows } = await database.owner.pool.query(
        `select max(query_start)::text as at from pg_stat_activity
          where datname = current_database() and application_name = 'test reelpilot_api' and query not like '%find_api_key%'`,
      )
      same = rows[0].at === before ? same + 1 : 0
      before = rows[0].at
      return same
    },
    (count) => count >= 20,
  )
}

/** Waits until the server has closed a connection. A client that reads nothing notices it by writing. */
async function untilClosed(
  socket: { on(name: 'error' | 'close', listener: () => void): unknown },
  write: () => void,
) {
  let isClosed = false
  const onClosed = () => {
    isClosed = true
  }
  socket.on('error', onClosed)
  socket.on('close', onClosed)
  await waitUntil(
    () => {
      if (!isClosed) write()
      return isClosed
    },
    (closed) => closed,
    10_000,
  )
}

describe('revoking an API key', () => {
  it('stops a replay over WebSocket and closes the socket', async () => {
    await freshKey()
    const url = new URL('/graphql', address)
    url.protocol = 'ws'
    let code = 0
    const client = createClient({
      url: url.href,
      webSocketImpl: WebSocket,
      connectionParams: { apiKey: key },
      retryAttempts: 0,
      on: {
        closed: (event) => {
          ;({ code } = event as { readonly code: number })
        },
      },
    })
    const sequences: number[] = []
    const reading = (async () => {
      for await (const { data } of client.iterate<{ events: { sequence: number } }>({ query })) {
        sequences.push(data?.events.sequence ?? 0)
        if (sequences.length === 200) await revoke()
      }
    })()
    await expect(reading).rejects.toBeDefined()
    expect(code).toBe(4403)
    expect(sequences).toEqual(sequences.map((_, index) => index + 1))
    expect(sequences.length).toBeLessThan(total)
    await client.dispose()
  })

  it('stops a replay over server-sent events with an error', async () => {
    await freshKey()
    const response = await followBySse()
    let text = ''
    let isRevoked = false
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      if (!isRevoked && text.includes('"sequence":200,')) {
        isRevoked = true
        await revoke()
      }
    }
    const sequences = [...text.matchAll(/"sequence":(\d+),/g)].map(([, sequence]) => Number(sequence))
    expect(sequences).toEqual(sequences.map((_, index) => index + 1))
    expect(sequences.length).toBeLessThan(total)
    const last = [...text.matchAll(/^data: (\{"errors".*)$/gm)].map(([, data]) => JSON.parse(data ?? ''))
    expect(last).toEqual([
      {
        errors: [
          {
            message: 'The API key was revoked.',
            locations: [{ line: 1, column: 1 }],
            extensions: { code: 'UNAUTHENTICATED', requestId: response.headers.get('x-request-id') },
          },
        ],
      },
    ])
  })

  it('closes an idle socket without subscriptions', async () => {
    await freshKey()
    const socket = await openSocket()
    const closed = once(socket, 'close')
    await revoke()
    const [code, reason] = await closed
    expect([code, String(reason)]).toEqual([4403, 'The API key was revoked.'])
  })

  it('terminates the socket of a client that reads nothing', async () => {
    await freshKey()
    const socket = await openSocket()
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }))
    await once(socket, 'message')
    socket.pause()
    await untilStalled()
    await revoke()
    await untilClosed(socket, () => socket.pong())
  })

  it('destroys the event stream of a client that reads nothing', async () => {
    await freshKey()
    const socket: Socket = connect(Number(address.port), '127.0.0.1')
    open.push(socket)
    const body = JSON.stringify({ query })
    const head = ['POST /graphql HTTP/1.1', 'host: localhost', `authorization: Bearer ${key}`]
    head.push('content-type: application/json', 'accept: text/event-stream', `content-length: ${body.length}`)
    socket.write([...head, '', body].join('\r\n'))
    await once(socket, 'data')
    socket.pause()
    await untilStalled()
    await revoke()
    await untilClosed(socket, () => socket.write('\r\n'))
  })

  it('destroys the download of a client that reads nothing', async () => {
    await freshKey()
    const { sha256, bytes } = await storeVideo(40_000_000)
    const socket: Socket = connect(Number(address.port), '127.0.0.1')
    open.push(socket)
    const head = [`GET /media/${sha256} HTTP/1.1`, 'host: localhost', `authorization: Bearer ${key}`, '', '']
    socket.write(head.join('\r\n'))
    await once(socket, 'data')
    socket.pause()
    await revoke()
    await untilClosed(socket, () => socket.write('\r\n'))
    expect(socket.bytesRead).toBeLessThan(bytes)
  })

  it('takes effect by the table alone, without an event', async () => {
    await freshKey()
    const socket = await openSocket()
    const closed = once(socket, 'close')
    await database.owner.pool.query('update reelpilot.api_key set revoked_at = now() where id = $1', [keyId])
    expect((await closed)[0]).toBe(4403)
  })
})

describe('an error over WebSocket', () => {
  const answerTo = async (payload: object) => {
    await freshKey()
    const socket = await openSocket()
    const answered = once(socket, 'message')
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }))
    const [message] = await answered
    const { type, payload: content } = JSON.parse(String(message))
    return type === 'next' ? content.errors : content
  }

  it.each([
    ['of a subscription that cannot start', { query: 'subscription { jobEvents(jobId: "x") { type } }' }],
    [
      'of a variable',
      { query: 'subscription ($a: SafeInt) { events(after: $a) { type } }', variables: { a: 'x' } },
    ],
    ['of the parser', { query: '{' }],
    ['of a validation rule', { query: '{ nonsense }' }],
    ['of several operations without a name', { query: 'query A { __typename } query B { __typename }' }],
    ['of a mutation without the required scope', { query: 'mutation { runScan(input: {}) { __typename } }' }],
  ])('%s has the request id and no HTTP status', async (_name, payload) => {
    for (const { extensions } of await answerTo(payload)) {
      expect(extensions).toMatchObject({
        code: expect.any(String),
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      })
      expect(extensions).not.toHaveProperty('http')
    }
  })
})

describe('an error within a stream', () => {
  /** The first error message of a subscription. */
  const firstError = async (query: string) => {
    const socket = await openSocket()
    const messages: { readonly type: string; readonly payload?: { readonly errors?: unknown } }[] = []
    socket.on('message', (text) => messages.push(JSON.parse(String(text))))
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }))
    return await waitUntil(
      () => messages.find(({ type, payload }) => type === 'error' || payload?.errors),
      (found) => found !== undefined,
    )
  }
  const internal = (requestId: unknown) => ({ extensions: { code: 'INTERNAL', requestId } })
  const anId = expect.stringMatching(/^[0-9a-f-]{36}$/)
  const rename = (from: string, to: string) =>
    database.owner.pool.query(`alter table reelpilot.${from} rename to ${to}`)

  it('has the request id, both while resolving an event and while reading events', async () => {
    await freshKey()
    await createDraft(tenant, [])
    await rename('plan', 'gone')
    expect(await firstError(`subscription { events(after: ${total}) { type plan { id } } }`)).toMatchObject({
      type: 'next',
      payload: { errors: [internal(anId)] },
    })
    await rename('event', 'lost')
    expect(await firstError(query)).toMatchObject({ type: 'error', payload: [internal(anId)] })
    const response = await followBySse()
    const [, data = ''] = /^data: (.+)$/m.exec(await response.text()) ?? []
    expect(JSON.parse(data)).toMatchObject({ errors: [internal(response.headers.get('x-request-id'))] })
    await rename('lost', 'event')
    await rename('gone', 'plan')
  })
})
