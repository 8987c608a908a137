import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTikTokClient, type TikTokClient } from '../../../src/providers/tiktok/client.ts'
import { Secret } from '../../../src/secret.ts'
import { wantedPost } from '../../rehearsal/tiktok/support.ts'

const token = new Secret('act.test')

/** A client of a server that answers whatever a test wants to see judged. */
async function clientOf(listener: RequestListener, deadlineMs = 5000): Promise<TikTokClient> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo // a listening TCP server's address is an object
  return clientAt(`http://127.0.0.1:${port}`, deadlineMs)
}

function clientAt(apiBase: string, deadlineMs = 5000): TikTokClient {
  return createTikTokClient({ apiBase, clientKey: 'ck', clientSecret: new Secret('cs'), deadlineMs })
}

function answering(status: number, body: unknown, headers: Record<string, string> = {}): RequestListener {
  return (request, response) => {
    request.resume().on('end', () => {
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  }
}

const failure = (code: string) => ({ error: { code, message: 'why', log_id: '2026L' } })

describe('an answer of TikTok', () => {
  test.each([
    [400, failure('invalid_param'), { kind: 'refused', code: 'invalid_param', httpStatus: 400 }],
    [400, failure('invalid_params'), { kind: 'refused', code: 'invalid_params', httpStatus: 400 }],
    [
      200,
      failure('spam_risk_too_many_posts'),
      { kind: 'refused', code: 'spam_risk_too_many_posts', httpStatus: 200 },
    ],
    [401, failure('access_token_invalid'), { kind: 'unauthorized', code: 'access_token_invalid' }],
    [401, failure('scope_not_authorized'), { kind: 'unauthorized', code: 'scope_not_authorized' }],
    [401, 'no', { kind: 'unauthorized', code: 'http_401' }],
    [429, failure('rate_limit_exceeded'), { kind: 'rateLimited' }],
    [200, failure('rate_limit_exceeded'), { kind: 'rateLimited' }],
    [500, failure('internal_error'), { kind: 'unknown', cause: 'serverError', code: 'internal_error' }],
    [502, '<html>', { kind: 'unknown', cause: 'serverError', httpStatus: 502 }],
    [200, '{"data":{"publish_id"', { kind: 'unknown', cause: 'unreadable', httpStatus: 200 }],
    [200, { data: {} }, { kind: 'unknown', cause: 'unreadable' }],
    [404, '<html>', { kind: 'unknown', cause: 'unreadable', httpStatus: 404 }],
    [302, '', { kind: 'unknown', cause: 'unreadable', httpStatus: 302 }],
    [
      200,
      { data: { publish_id: 'p', upload_url: 'no url' }, error: { code: 'ok' } },
      { kind: 'unknown', cause: 'unreadable' },
    ],
  ])('with status %d and %j to an init is %j', async (status, body, expected) => {
    const client = await clientOf(answering(status, body, { location: '/elsewhere' }))
    expect(await client.initDirectPost(token, wantedPost(1))).toMatchObject(expected)
  })

  test('keeps its log id, its message and how long to wait', async () => {
    const refused = await clientOf(answering(403, failure('privacy_level_option_mismatch')))
    expect(await refused.initDirectPost(token, wantedPost(1))).toMatchObject({
      message: 'why',
      logId: '2026L',
    })

    const limited = await clientOf(answering(429, failure('rate_limit_exceeded'), { 'retry-after': '17' }))
    expect(await limited.creatorInfo(token)).toMatchObject({ kind: 'rateLimited', retryAfterSeconds: 17 })

    const dates = { date: 'Mon, 23 Nov 2026 10:15:00 GMT', 'retry-after': 'Mon, 23 Nov 2026 10:16:30 GMT' }
    const dated = await clientOf(answering(503, '', dates))
    expect(await dated.creatorInfo(token)).toMatchObject({ kind: 'unknown', retryAfterSeconds: 90 })
  })

  test.each([
    [400, 'invalid_grant', { kind: 'refused', code: 'invalid_grant', httpStatus: 400, message: 'old' }],
    [200, 'invalid_grant', { kind: 'refused', code: 'invalid_grant', httpStatus: 200 }],
    [401, 'invalid_client', { kind: 'refused', code: 'invalid_client', httpStatus: 401 }],
    [200, 'temporarily_unavailable', { kind: 'unknown', cause: 'serverError' }],
  ])('in OAuth’s flat shape, status %d and %s, is %j', async (status, error, expected) => {
    const client = await clientOf(answering(status, { error, error_description: 'old', log_id: 'L' }))
    expect(await client.refreshToken(new Secret('rft'))).toMatchObject(expected)
  })

  test.each([
    ['[7678907398077074696]', ['7678907398077074696']],
    ['["7678907398077074696",7678907398077074697]', ['7678907398077074696', '7678907398077074697']],
    ['7678907398077074696', ['7678907398077074696']],
    ['[]', []],
    ['null', []],
  ])('keeps every digit of the post ids %s', async (ids, expected) => {
    const body = `{"data":{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":${ids}},"error":{"code":"ok"}}`
    const client = await clientOf(answering(200, body))
    expect(await client.status(token, 'p')).toMatchObject({ kind: 'ok', publicPostIds: expected })
  })

  test('with a status that is not known yet does not look like an end', async () => {
    const client = await clientOf(answering(200, { data: { status: 'PONDERING' }, error: { code: 'ok' } }))
    expect(await client.status(token, 'p')).toMatchObject({
      status: 'UNRECOGNISED',
      reportedStatus: 'PONDERING',
    })
  })

  test('that never ends is cut after a megabyte', async () => {
    const client = await clientOf(answering(200, 'x'.repeat(1_100_000)))
    expect(await client.creatorInfo(token)).toMatchObject({ kind: 'unknown', cause: 'unreadable' })
  })
})

describe('a call that fails on the way', () => {
  test('is surely not sent when there is nobody at the address', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo // as above
    await new Promise((resolve) => server.close(resolve))
    expect(await clientAt(`http://127.0.0.1:${port}`).initDirectPost(token, wantedPost(1))).toEqual({
      kind: 'notSent',
      code: 'ECONNREFUSED',
    })
  })

  test('is surely not sent when the name does not resolve', async () => {
    const answer = await clientAt('http://nobody.invalid').initDirectPost(token, wantedPost(1))
    expect(answer).toMatchObject({ kind: 'notSent', code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) })
  })

  test('is surely not sent when it cannot be a request, and its token is not told', async () => {
    const answer = await clientAt('http://127.0.0.1:80').creatorInfo(new Secret('line\nbreak'))
    expect(answer).toEqual({ kind: 'notSent', code: 'INVALID_REQUEST' })
  })

  test('is unknown when the deadline passes', async () => {
    const client = await clientOf(() => {}, 50)
    expect(await client.initDirectPost(token, wantedPost(1))).toEqual({ kind: 'unknown', cause: 'timeout' })
  })

  test('is unknown when the connection is cut, before the answer or within it', async () => {
    const cut = await clientOf((request) => void request.socket.destroy())
    expect(await cut.initDirectPost(token, wantedPost(1))).toMatchObject({ cause: 'connectionLost' })

    const half = await clientOf((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{', () => response.destroy())
    })
    expect(await half.initDirectPost(token, wantedPost(1))).toMatchObject({ cause: 'connectionLost' })
  })

  test('is unknown when its caller gives up on it, and not sent when the caller had given up before', async () => {
    const abort = new AbortController()
    const client = await clientOf(() => abort.abort())
    expect(await client.creatorInfo(token, abort.signal)).toEqual({ kind: 'unknown', cause: 'aborted' })
    expect(await client.creatorInfo(token, abort.signal)).toEqual({ kind: 'notSent', code: 'ABORTED' })
  })
})
