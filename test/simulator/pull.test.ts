import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startLocalTikTok } from '../../src/simulator/local-tiktok.ts'
import type { LocalTikTokOptions } from '../../src/simulator/simulator.ts'
import { call, statusOf } from './raw-request.ts'
import { type Pair, startPair, tokenOf, until } from './support.ts'

const videoInit = '/v2/post/publish/video/init/'
const contentInit = '/v2/post/publish/content/init/'
const cancel = '/v2/post/publish/cancel/'
const verifiedApp = { verifiedProperties: ['example.com', 'https://static.example.org/videos/'] }

const files: Readonly<Record<string, Buffer>> = {
  '/media/a.mp4': Buffer.alloc(5000, 'a'),
  '/media/1.jpg': Buffer.alloc(300, '1'),
  '/media/2.webp': Buffer.alloc(400, '2'),
}

/** Starts a file server; `/media/slow` never ends, `/media/moved` redirects. */
async function startFiles() {
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    if (path === '/media/moved') return response.writeHead(302, { location: '/media/a.mp4' }).end()
    if (path === '/media/slow') return response.writeHead(200).write('never')
    const file = files[path]
    return file ? response.end(file) : response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  // The address of a TCP server is an object; only a pipe has a string.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/media/`
}

async function startPulling() {
  const base = await startFiles()
  const pair = await startPair({ rateLimits: false })
  pair.local.changeApp({ verifiedProperties: [base] })
  return { ...pair, base }
}

const video = (url: string, title = '') => ({
  post_info: { title, privacy_level: 'SELF_ONLY' },
  source_info: { source: 'PULL_FROM_URL', video_url: url },
})

const photos = (urls: readonly string[], more: Readonly<Record<string, unknown>> = {}) => ({
  media_type: 'PHOTO',
  post_mode: 'DIRECT_POST',
  post_info: { title: 'Three joints', description: 'From the bench', privacy_level: 'PUBLIC_TO_EVERYONE' },
  source_info: { source: 'PULL_FROM_URL', photo_images: urls, photo_cover_index: 0 },
  ...more,
})

const ended = (pair: Pick<Pair, 'local'>, stage: string) =>
  until(
    async () => pair.local.posts().at(-1),
    (post) => post?.stage === stage,
  )

describe('the URL of a download', () => {
  test.each([
    ['https://example.com/a.mp4', 'ok'],
    ['https://media.example.com/any/path.mp4', 'ok'],
    ['https://static.example.org/videos/1/a.mp4', 'ok'],
    ['https://static.example.org/2026/videos/a.mp4', 'url_ownership_unverified'],
    ['https://badexample.com/a.mp4', 'url_ownership_unverified'],
    ['https://93.184.216.34/a.mp4', 'url_ownership_unverified'],
    ['https://[2606:2800::1]/a.mp4', 'url_ownership_unverified'],
    ['http://example.com/a.mp4', 'invalid_params'],
    ['http://127.0.0.1:9/a.mp4', 'url_ownership_unverified'],
    ['a.mp4', 'invalid_params'],
  ])('%s is answered with %s', async (url, code) => {
    const pair = await startPair()
    pair.local.changeApp(verifiedApp)
    const init = await call(pair, videoInit, video(url))
    expect(init.code).toBe(code)
    if (code === 'ok')
      expect(init.data).toEqual({ publish_id: expect.stringMatching(/^v_pub_url~v2-1\.\d{19}$/) })
  })
})

describe('a video by URL', () => {
  test('is downloaded and posted like an upload', async () => {
    const pair = await startPulling()
    const init = await call(pair, videoInit, video(`${pair.base}a.mp4`))
    const post = await ended(pair, 'private')
    const sha256 = createHash('sha256').update(Buffer.alloc(5000, 'a')).digest('hex')
    expect(post).toMatchObject({ sha256, bytes: 5000, urls: [`${pair.base}a.mp4`] })
    expect((await statusOf(pair, String(init.data.publish_id))).data).toEqual({ status: 'PUBLISH_COMPLETE' })
  })

  test.each(['missing.mp4', 'moved'])('fails when the download of %s fails', async (name) => {
    const pair = await startPulling()
    await call(pair, videoInit, video(pair.base + name))
    expect(await ended(pair, 'failed')).toMatchObject({ failReason: 'video_pull_failed' })
  })

  test('fails after an hour and reports its downloaded bytes until then', async () => {
    const pair = await startPulling()
    const init = await call(pair, videoInit, video(`${pair.base}slow`))
    const publishId = String(init.data.publish_id)
    expect((await statusOf(pair, publishId)).data).toEqual({
      status: 'PROCESSING_DOWNLOAD',
      downloaded_bytes: 0,
    })
    pair.local.advance(3600)
    const late = { ...pair, token: tokenOf(pair.local) }
    expect((await statusOf(late, publishId)).data.fail_reason).toBe('video_pull_failed')
  })

  test('from another host is not downloaded but completes after the time of the setting', async () => {
    const pair = await startPair({ pullMs: 60_000 })
    pair.local.changeApp(verifiedApp)
    await call(pair, videoInit, video('https://example.com/a.mp4'))
    expect(pair.local.posts()).toMatchObject([{ stage: 'downloading' }])
    pair.local.advance(60)
    expect(pair.local.posts()).toMatchObject([{ stage: 'private', bytes: 0 }])
    expect(pair.local.posts()[0]).not.toHaveProperty('sha256')
  })

  test('is downloaded after a restart that interrupted it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'local-tiktok-test-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const base = await startFiles()
    const options: LocalTikTokOptions = { directory, app: { verifiedProperties: [base] } }
    const first = await startLocalTikTok({ ...options, settings: { processingMs: 0 } })
    first.createAccount({ username: 'ann' })
    await call({ local: first, token: tokenOf(first) }, videoInit, video(`${base}a.mp4`))
    await first.stop()
    const second = await startLocalTikTok(options)
    onTestFinished(() => second.stop())
    expect(await ended({ local: second }, 'private')).toMatchObject({ bytes: 5000 })
  })
})

describe('photos', () => {
  test('are downloaded, shown and posted', async () => {
    const pair = await startPulling()
    const urls = [`${pair.base}1.jpg`, `${pair.base}2.webp`]
    const init = await call(pair, contentInit, photos(urls, { is_aigc: true }))
    expect(init.data).toEqual({ publish_id: expect.stringMatching(/^p_pub_url~v2\.\d{19}$/) })
    const post = await ended(pair, 'public')
    expect(post).toMatchObject({
      media: 'photo',
      mode: 'direct',
      description: 'From the bench',
      isAigc: true,
    })
    expect(post).toMatchObject({ bytes: 700, postIds: [expect.any(String)] })

    const media = `${pair.local.url}/__local/media/${encodeURIComponent(String(init.data.publish_id))}`
    const second = await fetch(`${media}/1`)
    expect(Buffer.from(await second.arrayBuffer())).toEqual(Buffer.alloc(400, '2'))
    expect((await fetch(`${media}/2`)).status).toBe(404)
    expect(await (await fetch(`${pair.local.url}/@ann`)).text()).toContain(
      `${encodeURIComponent(String(init.data.publish_id))}/0`,
    )
    expect(pair.local.counters()).toMatchObject({ inits: 1, photoInits: 1 })
  })

  test('fail together when one is missing', async () => {
    const pair = await startPulling()
    await call(pair, contentInit, photos([`${pair.base}1.jpg`, `${pair.base}3.jpg`]))
    expect(await ended(pair, 'failed')).toMatchObject({ failReason: 'photo_pull_failed' })
  })

  test('are delivered as a draft unless the creator’s app is too old', async () => {
    const pair = await startPulling()
    const draft = photos([`${pair.base}1.jpg`], { post_mode: 'MEDIA_UPLOAD' })
    await call(pair, contentInit, draft)
    expect(await ended(pair, 'draft')).toMatchObject({
      mode: 'draft',
      title: 'Three joints',
      privacyLevel: '',
    })
    pair.local.createAccount({ username: 'ann', oldApp: true })
    expect(await call(pair, contentInit, draft)).toMatchObject({
      status: 400,
      code: 'app_version_check_failed',
    })
    expect(await call(pair, contentInit, photos([`${pair.base}1.jpg`]))).toMatchObject({ code: 'ok' })
  })

  test('are refused with an invalid init', async () => {
    const pair = await startPair()
    pair.local.changeApp(verifiedApp)
    const url = 'https://example.com/1.jpg'
    const source = { source: 'PULL_FROM_URL', photo_images: [url], photo_cover_index: 0 }
    const wrong: readonly Readonly<Record<string, unknown>>[] = [
      { media_type: 'VIDEO' },
      { post_mode: 'DIRECT POST' },
      { post_info: { title: 'x'.repeat(91), privacy_level: 'SELF_ONLY' } },
      { post_info: { description: 'x'.repeat(4001), privacy_level: 'SELF_ONLY' } },
      { source_info: { ...source, source: 'FILE_UPLOAD' } },
      { source_info: { ...source, photo_images: [] } },
      { source_info: { ...source, photo_images: Array(36).fill(url) } },
      { source_info: { ...source, photo_cover_index: 1 } },
    ]
    for (const more of wrong) {
      pair.local.advance(60)
      expect([more, (await call(pair, contentInit, photos([url], more))).code]).toEqual([
        more,
        'invalid_params',
      ])
    }
    pair.local.advance(60)
    expect((await call(pair, contentInit, photos([url], { post_info: {} }))).code).toBe(
      'privacy_level_option_mismatch',
    )
    const mixed = await call(pair, contentInit, photos([url, 'https://elsewhere.example/2.jpg']))
    expect(mixed).toMatchObject({ status: 403, code: 'url_ownership_unverified' })
    // Each mode has its own scope.
    const uploading = { ...pair, token: tokenOf(pair.local, 'ann', ['video.upload']) }
    expect(await call(uploading, contentInit, photos([url]))).toMatchObject({ code: 'scope_not_authorized' })
  })
})

describe('a cancel', () => {
  test('ends a download and is refused afterwards', async () => {
    const pair = await startPulling()
    const init = await call(pair, videoInit, video(`${pair.base}slow`))
    const body = { publish_id: init.data.publish_id }
    expect(await call(pair, cancel, body)).toMatchObject({ status: 200, code: 'ok', data: {} })
    expect((await statusOf(pair, String(init.data.publish_id))).data).toEqual({
      status: 'FAILED',
      fail_reason: 'publish_cancelled',
    })
    expect(await call(pair, cancel, body)).toMatchObject({ status: 400, code: 'publish_not_cancellable' })
    expect(pair.local.counters().cancels).toBe(1)
  })

  test('ends a stuck download, but neither an upload nor the download of another account', async () => {
    const pair = await startPulling()
    const stuck = await call(pair, videoInit, video(`${pair.base}a.mp4`, '[[local:stuck]]'))
    pair.local.createAccount({ username: 'ben' })
    const ben = { ...pair, token: tokenOf(pair.local, 'ben') }
    const body = { publish_id: stuck.data.publish_id }
    const code = 'token_not_authorized_for_specified_publish_id'
    expect(await call(ben, cancel, body)).toMatchObject({ status: 400, code })
    expect(await call(pair, cancel, { publish_id: 'v_pub_url~v2-1.1' })).toMatchObject({
      code: 'invalid_publish_id',
    })
    expect(await call(pair, cancel, body)).toMatchObject({ code: 'ok' })

    const upload = await call(pair, videoInit, {
      post_info: { privacy_level: 'SELF_ONLY' },
      source_info: { source: 'FILE_UPLOAD', video_size: 10, chunk_size: 10, total_chunk_count: 1 },
    })
    expect(await call(pair, cancel, { publish_id: upload.data.publish_id })).toMatchObject({
      code: 'publish_not_cancellable',
    })
  })
})
