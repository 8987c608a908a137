import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/secret.ts'
import { chunkOf, initPost, startPair, tokenOf, wantedPost } from './support.ts'

describe('an init is refused', () => {
  test.each([
    [66_259_900, 64_000_000, 1, 'The chunk size is invalid'],
    [121_000_000, 64_000_000, 1, 'The chunk size is invalid'],
    [65_000_000, 60_000_000, 2, 'The total chunk count is invalid'],
    [4_999_999, 2_500_000, 1, 'The chunk size is invalid'],
    [20_000_000, 4_000_000, 5, 'The chunk size is invalid'],
    [66_000_000, 66_000_000, 1, 'The chunk size is invalid'],
    [0, 0, 0, 'The total chunk count is invalid'],
  ])('for %d bytes in chunks of %d bytes, %d chunks', async (size, chunkSize, count, message) => {
    const { client, token, local } = await startPair()
    const answer = await client.initDirectPost(
      token,
      wantedPost(size, {}, { kind: 'planned', chunkSize, count }),
    )
    expect(answer).toMatchObject({ kind: 'refused', httpStatus: 400, code: 'invalid_params', message })
    expect(local.counters()).toMatchObject({ inits: 0, refused: { invalid_params: 1 } })
  })

  test('for a privacy level that the account does not offer', async () => {
    const { client, token } = await startPair()
    const wanted = wantedPost(1, { privacyLevel: 'FOLLOWER_OF_CREATOR' })
    expect(await client.initDirectPost(token, wanted)).toMatchObject({
      httpStatus: 403,
      code: 'privacy_level_option_mismatch',
    })
  })

  test('for a caption that is too long', async () => {
    const { client, token } = await startPair()
    const answer = await client.initDirectPost(token, wantedPost(1, { title: 'x'.repeat(2201) }))
    expect(answer).toMatchObject({ code: 'invalid_params', message: 'post_info.title is invalid' })
  })

  test('from an unaudited app unless account and post are private', async () => {
    const { client, token, local } = await startPair({ audited: false })
    const refusal = { httpStatus: 403, code: 'unaudited_client_can_only_post_to_private_accounts' }
    const onlyMe = wantedPost(1, { privacyLevel: 'SELF_ONLY' })
    expect(await client.initDirectPost(token, wantedPost(1))).toMatchObject(refusal)
    expect(await client.initDirectPost(token, onlyMe)).toMatchObject(refusal)

    local.createAccount({ username: 'ann', private: true })
    expect(await client.initDirectPost(token, onlyMe)).toMatchObject({ kind: 'ok' })
  })

  test('on the seventh call of a minute, and accepted again after the minute', async () => {
    const { client, token, local } = await startPair()
    for (let call = 1; call <= 6; call += 1) {
      expect((await client.initDirectPost(token, wantedPost(1))).kind).toBe('ok')
    }
    expect((await client.initDirectPost(token, wantedPost(1))).kind).toBe('rateLimited')
    expect(local.counters()).toMatchObject({ inits: 6, refused: { rate_limit_exceeded: 1 } })
    // Each token has its own window.
    expect((await client.initDirectPost(tokenOf(local), wantedPost(1))).kind).toBe('ok')

    local.advance(60)
    expect((await client.initDirectPost(token, wantedPost(1))).kind).toBe('ok')
  })

  test('beyond the daily cap, which creator info answers with status 200', async () => {
    const { client, token, local } = await startPair({ dailyPostCap: 1 })
    await client.initDirectPost(token, wantedPost(1))
    const code = 'spam_risk_too_many_posts'
    expect(await client.initDirectPost(token, wantedPost(1))).toMatchObject({ httpStatus: 403, code })
    expect(await client.creatorInfo(token)).toMatchObject({ kind: 'refused', httpStatus: 200, code })

    local.advance(86_400)
    expect((await client.creatorInfo(tokenOf(local))).kind).toBe('ok')
  })

  test('for a banned creator and for a creator beyond the cap of active creators', async () => {
    const { client, token, local } = await startPair({ activeCreatorCap: 1 })
    await client.initDirectPost(token, wantedPost(1))
    local.createAccount({ username: 'ben' })
    expect(await client.creatorInfo(tokenOf(local, 'ben'))).toMatchObject({ code: 'reached_active_user_cap' })
    local.createAccount({ username: 'ann', banned: true })
    expect(await client.initDirectPost(token, wantedPost(1))).toMatchObject({
      httpStatus: 403,
      code: 'spam_risk_user_banned_from_posting',
    })
  })
})

describe('an access token', () => {
  test('is refused after it expired and beyond its scopes', async () => {
    const { client, token, local } = await startPair()
    const few = tokenOf(local, 'ann', ['user.info.basic'])
    expect(await client.creatorInfo(few)).toMatchObject({
      kind: 'unauthorized',
      code: 'scope_not_authorized',
    })
    expect(await client.creatorInfo(token)).toMatchObject({ kind: 'ok' })

    local.advance(7200)
    const expected = { kind: 'unauthorized', code: 'access_token_invalid' }
    expect(await client.creatorInfo(token)).toMatchObject(expected)
    expect(await client.creatorInfo(new Secret('act.nobody'))).toMatchObject(expected)
  })

  test('of one account is refused for a post of another account', async () => {
    const pair = await startPair()
    const { publishId } = await initPost(pair, wantedPost(1))
    pair.local.createAccount({ username: 'ben' })
    const ben = tokenOf(pair.local, 'ben')
    expect(await pair.client.status(ben, publishId)).toMatchObject({
      code: 'token_not_authorized_for_specified_publish_id',
    })
    expect(await pair.client.status(ben, 'v_pub_file~v2-1.1')).toMatchObject({ code: 'invalid_publish_id' })
  })
})

describe('a chunk is refused', () => {
  test('after an hour, with a wrong upload token and for an unknown upload', async () => {
    const pair = await startPair()
    const { client, local } = pair
    const { uploadUrl } = await initPost(pair, wantedPost(1000))
    const forged = new Secret(uploadUrl.reveal().replace(/upload_token=.*/, 'upload_token=guess'))
    expect((await client.putChunk(forged, chunkOf(1000, 0))).kind).toBe('gone')
    const nowhere = new Secret(`${local.url}/video/?upload_id=1&upload_token=2`)
    expect((await client.putChunk(nowhere, chunkOf(1000, 0))).kind).toBe('gone')

    local.advance(3600)
    expect((await client.putChunk(uploadUrl, chunkOf(1000, 0))).kind).toBe('expired')
    expect(local.posts()).toMatchObject([{ bytes: 0, status: 'PROCESSING_UPLOAD' }])
  })

  test('when its headers contradict each other or carry an access token', async () => {
    const pair = await startPair()
    const { uploadUrl } = await initPost(pair, wantedPost(1000))
    const put = (headers: Record<string, string>) =>
      fetch(uploadUrl.reveal(), {
        method: 'PUT',
        body: new Uint8Array(1000),
        headers: { 'content-type': 'video/mp4', 'content-range': 'bytes 0-999/1000', ...headers },
      }).then(({ status }) => status)

    expect(await put({ 'content-range': 'bytes 0-998/1000' })).toBe(400)
    expect(await put({ 'content-range': 'bytes 0-999/1001' })).toBe(400)
    expect(await put({ 'content-range': '0-999' })).toBe(400)
    expect(await put({ 'content-type': 'text/plain' })).toBe(400)
    expect(await put({ authorization: 'Bearer act' })).toBe(400)
    expect(pair.local.counters().authorizationOnUpload).toBe(1)
    expect(await put({})).toBe(201)
  })

  test('when its length differs from the plan', async () => {
    const pair = await startPair()
    const size = 64_000_001
    const { uploadUrl } = await initPost(pair, wantedPost(size))
    const short = {
      first: 0,
      last: 99,
      total: size,
      contentType: 'video/mp4',
      body: new Uint8Array(100),
    } as const
    expect(await pair.client.putChunk(uploadUrl, short)).toEqual({ kind: 'rangeMismatch', uploadedBytes: 0 })
  })
})

test('a path without its final slash is answered with 404, and a wrong method with 405', async () => {
  const { local } = await startPair()
  expect((await fetch(`${local.url}/v2/oauth/token`, { method: 'POST' })).status).toBe(404)
  const wrong = await fetch(`${local.url}/v2/oauth/token/`)
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])
})
