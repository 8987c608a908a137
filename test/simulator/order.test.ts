import { expect, test } from 'vitest'
import { call, oneChunk } from './raw-request.ts'
import { startPair, tokenOf } from './support.ts'

const videoInit = '/v2/post/publish/video/init/'
const wrongPlan = { source: 'FILE_UPLOAD', video_size: 10, chunk_size: 5, total_chunk_count: 1 }
const wrongUrl = { source: 'PULL_FROM_URL', video_url: 'https://elsewhere.example/a.mp4' }

test('an init with several violations is refused for the first one in the order of checks', async () => {
  const pair = await startPair({ audited: false, dailyPostCap: 0, limits: { videoInit: 0 } })
  pair.local.createAccount({ username: 'ann', banned: true })
  const withoutScopes = { ...pair, token: tokenOf(pair.local, 'ann', []) }
  const init = (source: unknown, privacyLevel = 'NOBODY') =>
    call(pair, videoInit, { post_info: { privacy_level: privacyLevel }, source_info: source })

  expect(await call(withoutScopes, videoInit, '[')).toMatchObject({
    status: 401,
    code: 'scope_not_authorized',
  })
  expect(await call(pair, videoInit, '[')).toMatchObject({ status: 429, code: 'rate_limit_exceeded' })
  pair.local.changeSettings({ limits: {} })
  expect(await call(pair, videoInit, '[')).toMatchObject({ status: 400, code: 'invalid_params' })
  expect(await init({ source: 'ELSEWHERE' })).toMatchObject({ status: 400, code: 'invalid_params' })

  expect(await init(wrongPlan)).toMatchObject({ status: 403, code: 'spam_risk_user_banned_from_posting' })
  pair.local.createAccount({ username: 'ann' })
  pair.local.changeSettings({ activeCreatorCap: 0 })
  expect(await init(wrongPlan)).toMatchObject({ status: 403, code: 'reached_active_user_cap' })
  pair.local.changeSettings({ activeCreatorCap: null })
  expect(await init(wrongPlan)).toMatchObject({ status: 403, code: 'spam_risk_too_many_posts' })
  pair.local.changeSettings({ dailyPostCap: 15, rateLimits: false })

  expect(await init(wrongPlan)).toMatchObject({ status: 403, code: 'privacy_level_option_mismatch' })
  const unaudited = 'unaudited_client_can_only_post_to_private_accounts'
  expect(await init(wrongPlan, 'SELF_ONLY')).toMatchObject({ status: 403, code: unaudited })
  pair.local.createAccount({ username: 'ann', private: true })
  expect(await init(wrongUrl, 'SELF_ONLY')).toMatchObject({ status: 403, code: 'url_ownership_unverified' })
  expect(await init(wrongPlan, 'SELF_ONLY')).toMatchObject({ status: 400, code: 'invalid_params' })
  expect(pair.local.posts()).toEqual([])
  expect(await init(oneChunk(10), 'SELF_ONLY')).toMatchObject({ status: 200, code: 'ok' })
})

test('an unaudited app may post for five creators a day, unless another cap is set', async () => {
  const pair = await startPair({ audited: false })
  const initAs = async (username: string) => {
    pair.local.createAccount({ username, private: true })
    const body = { post_info: { privacy_level: 'SELF_ONLY' }, source_info: oneChunk(10) }
    return (await call({ ...pair, token: tokenOf(pair.local, username) }, videoInit, body)).code
  }
  for (const username of ['c1', 'c2', 'c3', 'c4', 'c5']) expect(await initAs(username)).toBe('ok')
  expect(await initAs('c6')).toBe('reached_active_user_cap')
  pair.local.changeSettings({ activeCreatorCap: 6 })
  expect(await initAs('c6')).toBe('ok')
})
