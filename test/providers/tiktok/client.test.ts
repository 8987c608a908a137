import { describe, expect, test } from 'vitest'
import { apiCalls, postId } from './api-calls.ts'
import { calls } from './calls.ts'
import { oauthCalls } from './oauth-calls.ts'
import {
  answerWith,
  clientAt,
  clientOf,
  closedPort,
  type RecordedRequest,
  recording,
  startServer,
  token,
} from './support.ts'

describe.each(calls)('$endpoint ($path)', (call) => {
  test('sends what TikTok requires and parses its success', async () => {
    const requests: RecordedRequest[] = []
    const client = await clientOf(recording(requests, 200, call.success))
    expect(await call.perform(client)).toMatchObject({ kind: 'ok', ...call.expected })

    const { method, path: url } = call
    const isForm = typeof call.sent === 'string'
    expect(requests).toEqual([{ method, url, headers: expect.any(Object), body: expect.any(String) }])
    const [{ headers, body }] = requests as [RecordedRequest] // Checked one line above.
    if (isForm) expect(body).toBe(call.sent)
    else expect(body && JSON.parse(body)).toEqual(call.sent ?? '')
    expect(headers.authorization).toBe(isForm ? undefined : `Bearer ${token.reveal()}`)
  })

  test.each([
    [400, 'invalid_params', { kind: 'refused', httpStatus: 400 }],
    [403, 'some_code_of_tomorrow', { kind: 'refused', httpStatus: 403 }],
    [200, 'spam_risk_too_many_posts', { kind: 'refused', httpStatus: 200 }],
    [401, 'access_token_invalid', { kind: 'unauthorized' }],
    [401, 'scope_not_authorized', { kind: 'unauthorized' }],
    [500, 'internal_error', { kind: 'unknown', cause: 'serverError' }],
    [200, 'temporarily_unavailable', { kind: 'unknown', cause: 'serverError' }],
  ])('under status %d is classified by its code %s and keeps the log id', async (status, code, expected) => {
    for (const body of [
      { data: {}, error: { code, message: 'why', log_id: '2026L' } },
      { error: { code, log_id: '2026L' } },
      { error: code, error_description: 'why', log_id: '2026L' },
    ]) {
      const client = await clientOf(answerWith(status, body))
      expect(await call.perform(client)).toMatchObject({ ...expected, code, logId: '2026L' })
    }
  })

  test('passes Retry-After on when the rate limit is exceeded', async () => {
    const body = { error: { code: 'rate_limit_exceeded', message: '', log_id: '2026L' } }
    const client = await clientOf(answerWith(429, body, { 'retry-after': '17' }))
    const expected = { kind: 'rateLimited', retryAfterSeconds: 17, logId: '2026L' }
    expect(await call.perform(client)).toEqual(expected)
  })

  test('distinguishes a request that was not sent from an unknown outcome', async () => {
    expect(await call.perform(clientAt(await closedPort()))).toEqual({
      kind: 'notSent',
      code: 'ECONNREFUSED',
    })

    const cut = await clientOf((request) => void request.socket.destroy())
    expect(await call.perform(cut)).toMatchObject({ kind: 'unknown', cause: 'connectionLost' })

    const silent = await clientOf(() => {}, { deadlineMs: 50 })
    expect(await call.perform(silent)).toEqual({ kind: 'unknown', cause: 'timeout' })

    const abort = new AbortController()
    const slow = await clientOf(() => abort.abort())
    expect(await call.perform(slow, abort.signal)).toEqual({ kind: 'unknown', cause: 'aborted' })
  })

  test('does not follow a redirect with its credential', async () => {
    const requests: RecordedRequest[] = []
    const location = await startServer(recording(requests, 200, call.success))
    const redirecting = await clientOf(answerWith(307, '', { location }))
    expect(await call.perform(redirecting)).toMatchObject({ cause: 'unreadable', httpStatus: 307 })
    expect(requests).toEqual([])
  })
})

test('a revocation succeeds with an empty body, but not with an HTML page', async () => {
  const revoke = oauthCalls.find(({ endpoint }) => endpoint === 'revoke')
  expect(await revoke?.perform(await clientOf(answerWith(200, '')))).toEqual({ kind: 'ok' })
  const page = await clientOf(answerWith(200, '<style>a{}</style>'))
  expect(await revoke?.perform(page)).toMatchObject({ kind: 'unknown', cause: 'unreadable' })
})

test('a video’s id keeps all digits when TikTok sends it as a bare number', async () => {
  const body = `{"data":{"videos":[{"id":${postId},"create_time":1763900000}],"has_more":false},"error":{"code":"ok"}}`
  const client = await clientOf(answerWith(200, body))
  expect(await client.listVideos(token)).toMatchObject({ videos: [{ id: postId }], hasMore: false })
})

test('arguments that TikTok does not accept throw RangeError and make no call', async () => {
  const requests: RecordedRequest[] = []
  const client = await clientOf(recording(requests, 200, {}))
  await expect(client.listVideos(token, { maxCount: 21 })).rejects.toThrow(RangeError)
  await expect(client.queryVideos(token, [])).rejects.toThrow(RangeError)
  await expect(client.queryVideos(token, Array(21).fill(postId))).rejects.toThrow(RangeError)
  expect(requests).toEqual([])
})

test('every call but OAuth’s requires the error code "ok" for success', async () => {
  for (const call of apiCalls) {
    const { data } = call.success as { readonly data?: unknown } // as the table has it
    const client = await clientOf(answerWith(200, { data }))
    expect(await call.perform(client)).toMatchObject({ kind: 'unknown', cause: 'unreadable' })
  }
})
