import { describe, expect, test } from 'vitest'
import { Secret } from '../../../../src/secret.ts'
import { wantedPost } from '../../../simulator/support.ts'
import { answerWith, clientAt, clientOf, closedPort, token } from '../support.ts'

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
  ])('with status %d and body %j to an init is classified as %j', async (status, body, expected) => {
    const client = await clientOf(answerWith(status, body, { location: '/elsewhere' }))
    expect(await client.initDirectPost(token, wantedPost(1))).toMatchObject(expected)
  })

  test('keeps its log id, message and Retry-After', async () => {
    const refused = await clientOf(answerWith(403, failure('privacy_level_option_mismatch')))
    expect(await refused.initDirectPost(token, wantedPost(1))).toMatchObject({
      message: 'why',
      logId: '2026L',
    })

    const limited = await clientOf(answerWith(429, failure('rate_limit_exceeded'), { 'retry-after': '17' }))
    expect(await limited.creatorInfo(token)).toMatchObject({ kind: 'rateLimited', retryAfterSeconds: 17 })

    const dates = { date: 'Mon, 23 Nov 2026 10:15:00 GMT', 'retry-after': 'Mon, 23 Nov 2026 10:16:30 GMT' }
    const dated = await clientOf(answerWith(503, '', dates))
    expect(await dated.creatorInfo(token)).toMatchObject({ kind: 'unknown', retryAfterSeconds: 90 })
  })

  test.each([
    [400, 'invalid_grant', { kind: 'refused', code: 'invalid_grant', httpStatus: 400, message: 'old' }],
    [200, 'invalid_grant', { kind: 'refused', code: 'invalid_grant', httpStatus: 200 }],
    [401, 'invalid_client', { kind: 'refused', code: 'invalid_client', httpStatus: 401 }],
    [200, 'temporarily_unavailable', { kind: 'unknown', cause: 'serverError' }],
  ])(
    'in OAuth’s flat shape with status %d and code %s is classified as %j',
    async (status, error, expected) => {
      const client = await clientOf(answerWith(status, { error, error_description: 'old', log_id: 'L' }))
      expect(await client.refreshToken(new Secret('rft'))).toMatchObject(expected)
    },
  )

  test.each([
    ['[7678907398077074696]', ['7678907398077074696']],
    ['["7678907398077074696",7678907398077074697]', ['7678907398077074696', '7678907398077074697']],
    ['7678907398077074696', ['7678907398077074696']],
    ['[]', []],
    ['null', []],
  ])('keeps every digit of the post ids %s', async (ids, expected) => {
    const body = `{"data":{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":${ids}},"error":{"code":"ok"}}`
    const client = await clientOf(answerWith(200, body))
    expect(await client.status(token, 'p')).toMatchObject({ kind: 'ok', publicPostIds: expected })
  })

  test('with an unknown post status is UNRECOGNISED, which does not end the post', async () => {
    const client = await clientOf(answerWith(200, { data: { status: 'PONDERING' }, error: { code: 'ok' } }))
    expect(await client.status(token, 'p')).toMatchObject({
      status: 'UNRECOGNISED',
      reportedStatus: 'PONDERING',
    })
  })

  test('longer than 1 MB is cut and unreadable', async () => {
    const client = await clientOf(answerWith(200, 'x'.repeat(1_100_000)))
    expect(await client.creatorInfo(token)).toEqual({
      kind: 'unknown',
      cause: 'unreadable',
      httpStatus: 200,
      raw: 'x'.repeat(65_536),
      why: 'longer than 1000000 bytes',
    })
  })
})

describe('a mangled answer to an init', () => {
  const publishId = 'v_pub_file~v2-1.7312345678901234567'
  const uploadUrl = 'https://upload.example.test/video/?upload_id=1&upload_token=u-1'
  const whole = {
    data: { publish_id: publishId, upload_url: uploadUrl },
    error: { code: 'ok', message: '', log_id: '20261123101500A1' },
  }
  const json = JSON.stringify(whole)
  const python = `{'data': {'publish_id': '${publishId}', 'upload_url': '${uploadUrl}'}, 'error': {'code': 'ok'}}`

  test.each([python, `<pre>${json}</pre>`, `${json.slice(0, -2)},}}`])(
    'is a success if all of its fields can be read: %s',
    async (body) => {
      const client = await clientOf(answerWith(200, body))
      const answer = await client.initDirectPost(token, wantedPost(1))
      if (answer.kind !== 'ok') throw new Error(answer.kind)
      expect([answer.publishId, answer.uploadUrl.reveal()]).toEqual([publishId, uploadUrl])
    },
  )

  test.each([
    ['cut after the address', json.slice(0, json.indexOf(',"error"')), publishId],
    ['cut within the address', json.slice(0, json.indexOf('u-1') + 2), publishId],
    ['cut within the id', json.slice(0, json.indexOf('567"')), undefined],
    ['without its closing word', JSON.stringify({ data: whole.data }), publishId],
    ['with two ids', `${python.slice(0, -1)}{"publish_id":"v_pub_file~v2-1.7312345678901234568"}`, undefined],
  ])('%s is unknown, with at most a publish id to look up', async (_, body, id) => {
    const client = await clientOf(answerWith(200, body))
    const answer = await client.initDirectPost(token, wantedPost(1))
    expect(answer).toMatchObject({ kind: 'unknown', cause: 'unreadable', httpStatus: 200 })
    expect(answer).toHaveProperty('why')
    expect('publishId' in answer ? answer.publishId : undefined).toBe(id)
    expect(JSON.stringify(answer)).not.toContain('u-1')
  })

  test('keeps its log id when it cannot be read', async () => {
    const body = json.replace('upload_url', 'upload_uri')
    const client = await clientOf(answerWith(200, body))
    expect(await client.initDirectPost(token, wantedPost(1))).toMatchObject({
      cause: 'unreadable',
      logId: '20261123101500A1',
      why: expect.stringContaining('upload_url'),
    })
  })

  test('is a refusal only if its HTTP status is one', async () => {
    const body = "{'error': {'code': 'privacy_level_option_mismatch', 'message': '', 'log_id': '20261123'}}"
    const refused = await clientOf(answerWith(403, body))
    expect(await refused.initDirectPost(token, wantedPost(1))).toMatchObject({
      kind: 'refused',
      code: 'privacy_level_option_mismatch',
      logId: '20261123',
    })
    const doubtful = await clientOf(answerWith(200, body))
    expect(await doubtful.initDirectPost(token, wantedPost(1))).toMatchObject({
      kind: 'unknown',
      cause: 'unreadable',
      logId: '20261123',
    })
  })
})

test('the raw text of an unreadable answer is kept without its tokens', async () => {
  const body = `{"access_token":"act.secret!4*","refresh_token":"rft.secret","open_id":"-000","log_id":"2026LOGID`
  const client = await clientOf(answerWith(200, body))
  const answer = await client.refreshToken(new Secret('rft.old'))
  expect(answer).toMatchObject({
    raw: '{"access_token":"[redacted]","refresh_token":"[redacted]","open_id":"-000","log_id":"2026LOGID',
  })
})

test('a refusal’s message is passed on without the token that it quotes', async () => {
  const message = 'the token act.secret of Bearer act.secret-too is unknown'
  const client = await clientOf(answerWith(400, { error: { code: 'invalid_params', message } }))
  expect(await client.creatorInfo(token)).toMatchObject({
    message: 'the token [redacted] of Bearer [redacted] is unknown',
  })
})

describe('a call that meets a network fault', () => {
  test('was not sent when the connection is refused', async () => {
    expect(await clientAt(await closedPort()).initDirectPost(token, wantedPost(1))).toEqual({
      kind: 'notSent',
      code: 'ECONNREFUSED',
    })
  })

  test('was not sent when the name does not resolve', async () => {
    const answer = await clientAt('http://nobody.invalid').initDirectPost(token, wantedPost(1))
    expect(answer).toMatchObject({ kind: 'notSent', code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) })
  })

  test('was not sent when the request cannot be built, and its token is not quoted', async () => {
    const answer = await clientAt('http://127.0.0.1:80').creatorInfo(new Secret('line\nbreak'))
    expect(answer).toEqual({ kind: 'notSent', code: 'INVALID_REQUEST' })
  })

  test('is unknown when the deadline passes, before or during the answer', async () => {
    const silent = await clientOf(() => {}, { deadlineMs: 50 })
    const unknown = { kind: 'unknown', cause: 'timeout' }
    expect(await silent.initDirectPost(token, wantedPost(1))).toEqual(unknown)

    const faltering = await clientOf((_, response) => void response.writeHead(200).write('{'), {
      deadlineMs: 50,
    })
    expect(await faltering.initDirectPost(token, wantedPost(1))).toEqual(unknown)
  })

  test('is unknown when the connection is lost, before or during the answer', async () => {
    const cut = await clientOf((request) => void request.socket.destroy())
    expect(await cut.initDirectPost(token, wantedPost(1))).toMatchObject({ cause: 'connectionLost' })

    const half = await clientOf((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{', () => response.destroy())
    })
    expect(await half.initDirectPost(token, wantedPost(1))).toMatchObject({ cause: 'connectionLost' })
  })

  test('is unknown when it is aborted, and was not sent when it was aborted before', async () => {
    const abort = new AbortController()
    const client = await clientOf(() => abort.abort())
    expect(await client.creatorInfo(token, abort.signal)).toEqual({ kind: 'unknown', cause: 'aborted' })
    expect(await client.creatorInfo(token, abort.signal)).toEqual({ kind: 'notSent', code: 'ABORTED' })
  })
})
