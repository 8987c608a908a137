import { expect, test } from 'vitest'
import { call, oauth, oneChunk, postVideo, putWhole } from './raw-request.ts'
import { startReceiver } from './receiver.ts'
import { startPair } from './support.ts'

const videoInit = '/v2/post/publish/video/init/'
const onlyMe = { privacy_level: 'SELF_ONLY' }

test('an authorization code expires after the time of its setting', async () => {
  const { local } = await startPair({ codeTtlSeconds: 10, requirePkce: false })
  const redirectUri = 'http://127.0.0.1:4000/oauth/tiktok/callback'
  const query = new URLSearchParams({
    client_key: local.app.clientKey,
    response_type: 'code',
    scope: 'video.publish',
    redirect_uri: redirectUri,
  })
  const exchangeAfter = async (seconds: number) => {
    const page = await fetch(`${local.url}/v2/auth/authorize/?${query}`, { redirect: 'manual' })
    const code = new URL(page.headers.get('location') ?? '').searchParams.get('code') ?? ''
    local.advance(seconds)
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri }
    return (await oauth(local, 'token', form)).status
  }
  expect([await exchangeAfter(9), await exchangeAfter(10)]).toEqual([200, 400])
})

test('an upload URL expires after the time of its setting', async () => {
  const pair = await startPair({ uploadTtlSeconds: 10 })
  const { data } = await call(pair, videoInit, { post_info: onlyMe, source_info: oneChunk(10) })
  pair.local.advance(10)
  expect((await putWhole(data, 10)).status).toBe(403)
})

test('a single chunk may be larger when 64 MB are read as binary units', async () => {
  const pair = await startPair({ singleChunkLimit: 67_108_864 })
  const init = async (size: number) =>
    (await call(pair, videoInit, { post_info: onlyMe, source_info: oneChunk(size) })).code
  expect(await init(67_108_864)).toBe('ok')
  expect(await init(67_108_865)).toBe('invalid_params')
})

test('a download fails after the time of its setting', async () => {
  const pair = await startPair({ pullTtlSeconds: 10, pullMs: 20_000 })
  pair.local.changeApp({ verifiedProperties: ['example.com'] })
  const source = { source: 'PULL_FROM_URL', video_url: 'https://example.com/a.mp4' }
  await call(pair, videoInit, { post_info: onlyMe, source_info: source })
  pair.local.advance(9)
  expect(pair.local.posts()).toMatchObject([{ stage: 'downloading' }])
  pair.local.advance(1)
  expect(pair.local.posts()).toMatchObject([{ stage: 'failed', failReason: 'video_pull_failed' }])
})

test('an event is retried for the time of its setting', async () => {
  const receiver = await startReceiver()
  receiver.answer(500)
  const pair = await startPair({ webhookRetryForSeconds: 10 })
  pair.local.changeApp({ webhookUrl: receiver.url })
  await postVideo(pair, onlyMe)
  await pair.local.flushWebhooks()
  pair.local.advance(11)
  await pair.local.flushWebhooks()
  expect(pair.local.webhooks()).toMatchObject([{ state: 'abandoned', attempts: 2 }])
})
