import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { defaultSettings } from '../../src/simulator/settings.ts'
import { waitUntil } from '../support/wait.ts'
import { postVideo, sendDraft } from './raw-request.ts'
import { chunkOf, initPost, startPair, videoBytes, wantedPost } from './support.ts'

const videoPage = z.object({
  data: z.object({ videos: z.array(z.unknown()), cursor: z.number(), has_more: z.boolean() }),
})

test('the control API under /__local/ offers what the LocalTikTok object offers', async () => {
  const { local, client, token } = await startPair()
  const send = async (method: string, name: string, body?: unknown) => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    const response = await fetch(`${local.url}/__local/${name}`, init)
    return [response.status, await response.json()]
  }

  expect(await send('POST', 'accounts', { username: 'ben', private: true })).toMatchObject([
    200,
    { username: 'ben', duetDisabled: true },
  ])
  expect(await send('GET', 'accounts')).toEqual([200, local.accounts()])
  expect(await send('GET', 'counters')).toEqual([200, local.counters()])
  expect(await send('PATCH', 'settings', { audited: false })).toEqual([200, local.settings()])
  expect(local.settings()).toMatchObject({ audited: false, processingMs: 0 })
  expect(await send('POST', 'grants', { username: 'nobody' })).toEqual([400, { error: 'no account nobody' }])
  expect(await send('PATCH', 'settings', { adited: true })).toMatchObject([400, {}])
  expect(await send('POST', 'accounts', { username: '<b>' })).toMatchObject([400, {}])
  expect(await send('GET', 'nothing')).toMatchObject([404, {}])

  await send('POST', 'faults', { endpoint: 'creatorInfo', nth: 1, effect: { kind: 'status', status: 503 } })
  expect(await client.creatorInfo(token)).toMatchObject({ cause: 'serverError', httpStatus: 503 })
  await send('POST', 'advance', { seconds: 7200 })
  expect((await client.creatorInfo(token)).kind).toBe('unauthorized')
})

test('the control API posts drafts, takes posts down, makes them public and disconnects accounts', async () => {
  const { local, ...pair } = await startPair()
  const post = (name: string, body: unknown) =>
    fetch(`${local.url}/__local/${name}`, { method: 'POST', body: JSON.stringify(body) }).then(
      async (response) => [response.status, await response.json()],
    )
  const open = await postVideo({ local, ...pair })
  const mine = await postVideo({ local, ...pair }, { privacy_level: 'SELF_ONLY' })
  const draft = await sendDraft({ local, ...pair })
  expect(await post('posts/takedown', { publishId: open })).toMatchObject([200, { stage: 'taken down' }])
  expect(await post('posts/public', { publishId: mine })).toMatchObject([200, { stage: 'public' }])
  expect(await post('posts/draft', { publishId: draft, isPublic: false })).toMatchObject([
    200,
    { stage: 'private' },
  ])
  expect(await post('posts/draft', { publishId: open })).toEqual([
    400,
    { error: `${open} is not a draft in an inbox` },
  ])
  expect(await post('webhooks', { event: 'news', username: 'ann', content: {} })).toEqual([200, {}])
  expect(await post('disconnects', { username: 'ann', reason: 'banned' })).toEqual([200, {}])
  expect(await post('disconnects', { username: 'ann', reason: 'boredom' })).toMatchObject([400, {}])

  const read = async (name: string) => await (await fetch(`${local.url}/__local/${name}`)).json()
  // A webhook may become due between the two reads.
  await waitUntil(
    async () => [await read('webhooks'), local.webhooks()],
    ([listed, expected]) => isDeepStrictEqual(listed, expected),
  )
  expect(await read('rates')).toEqual(local.rates())
  const fault = {
    endpoint: 'cancel',
    account: 'ann',
    probability: 0.5,
    seed: 3,
    effect: { kind: 'dropAfter' },
  }
  expect(await post('faults', fault)).toEqual([200, {}])
  expect(await read('faults')).toEqual([fault])
  expect(local.faults()).toEqual([fault])
})

test('the control API accepts every setting and every field of the app', async () => {
  const { local } = await startPair()
  const patch = async (name: string, body: unknown) =>
    await (
      await fetch(`${local.url}/__local/${name}`, { method: 'PATCH', body: JSON.stringify(body) })
    ).json()
  expect(await patch('settings', defaultSettings)).toEqual(defaultSettings)
  expect(await patch('settings', { limits: { videoInnit: 1 } })).toHaveProperty('error')
  const app = { webhookUrl: 'http://127.0.0.1:9/', verifiedProperties: ['example.com'] }
  expect(await patch('app', app)).toMatchObject({ ...app, clientKey: 'ck_local_rehearsal' })
  expect(local.app.webhookUrl).toBe('http://127.0.0.1:9/')
})

test('the control API refuses requests from pages of another origin', async () => {
  const { local } = await startPair()
  const send = async (origin: string) =>
    (await fetch(`${local.url}/__local/faults`, { method: 'DELETE', headers: { origin } })).status
  expect(await send('https://elsewhere.example')).toBe(403)
  expect(await send('null')).toBe(403)
  expect(await send(local.url)).toBe(200)
})

test('the console shows accounts, posts, events, faults, counters and every setting, all escaped', async () => {
  const pair = await startPair()
  const { local } = pair
  local.createAccount({ username: 'ben', nickname: '<b>' })
  const publishId = await postVideo(pair, { title: '<img src=x>' })
  const draft = await sendDraft(pair)
  local.sendWebhook('<news>', 'ann', {})
  local.injectFault({ endpoint: 'upload', nth: 3, effect: { kind: 'status', status: 502, code: '<i>' } })
  const page = await (await fetch(`${local.url}/__local/`)).text()
  for (const shownText of [
    '@ann',
    '@ben',
    publishId,
    draft,
    'Take down',
    'User posts it',
    'status 502',
    'inits',
  ]) {
    expect(page).toContain(shownText)
  }
  for (const setting of Object.keys(defaultSettings)) expect(page).toContain(`name="${setting}"`)
  expect(page).not.toMatch(/<img src=x|<news>|<i>(?!no caption)|undefined|\[object/)
  for (const name of ['page/console.js', 'page/style.css', 'avatar/ann.svg']) {
    expect((await fetch(`${local.url}/__local/${name}`)).status).toBe(200)
  }
  expect((await fetch(`${local.url}/__local/page/layout.ts`)).status).toBe(404)
})

test('the profile page shows the posts, escapes titles and serves the media', async () => {
  const pair = await startPair()
  const { local, client } = pair
  const { publishId, uploadUrl } = await initPost(
    pair,
    wantedPost(100_000, { title: '<script>alert(1)</script>' }),
  )
  const page = async () => (await fetch(`${local.url}/@ann`)).text()
  expect(await page()).toContain('0 % uploaded')

  await client.putChunk(uploadUrl, chunkOf(100_000, 0))
  expect(await page()).toContain(publishId)
  expect(await page()).toContain('>public</span>')
  local.takeDown(publishId)
  expect(await page()).toContain('>taken down</span>')
  expect(await page()).not.toContain('<script')

  const media = `${local.url}/__local/media/${encodeURIComponent(publishId)}`
  const whole = Buffer.from(await (await fetch(media)).arrayBuffer())
  expect(createHash('sha256').update(whole).digest('hex')).toBe(local.posts()[0]?.sha256)
  const part = await fetch(media, { headers: { range: 'bytes=70000-' } })
  expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 70000-99999/100000'])
  expect(Buffer.from(await part.arrayBuffer())).toEqual(Buffer.concat([...videoBytes(70_000, 99_999)]))

  expect((await fetch(`${local.url}/@nobody`)).status).toBe(404)
})

test('the video list has a creator’s public videos page by page, newest first', async () => {
  const pair = await startPair()
  const { local, client, token } = pair
  for (const [title, privacyLevel] of [
    ['one', 'PUBLIC_TO_EVERYONE'],
    ['mine', 'SELF_ONLY'],
    ['two', 'PUBLIC_TO_EVERYONE'],
  ] as const) {
    const { uploadUrl } = await initPost(pair, wantedPost(10, { title, privacyLevel }))
    await client.putChunk(uploadUrl, chunkOf(10, 0))
    local.advance(1)
  }
  const list = async (body: unknown) => {
    const response = await fetch(`${local.url}/v2/video/list/?fields=id,title`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token.reveal()}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return videoPage.parse(await response.json()).data
  }
  const first = await list({ max_count: 1 })
  expect(first).toMatchObject({
    videos: [{ title: 'two', id: local.posts()[2]?.postIds[0] }],
    has_more: true,
  })
  expect(await list({ max_count: 1, cursor: first.cursor })).toMatchObject({
    videos: [{ title: 'one' }],
    has_more: false,
  })
})
