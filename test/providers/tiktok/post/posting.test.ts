import { describe, expect, test } from 'vitest'
import { chunkRange, nextChunk, planChunks } from '../../../../src/providers/tiktok/post/chunk-plan.ts'
import { parseWebhook } from '../../../../src/providers/tiktok/webhook/webhook.ts'
import { verifyWebhook } from '../../../../src/providers/tiktok/webhook/webhook-signature.ts'
import { Secret } from '../../../../src/secret.ts'
import { chunkOf, initPost, planOf, startPair, videoHash, wantedPost } from '../../../simulator/support.ts'
import { startServer } from '../support.ts'

/** Worked examples: size, chunk size, count, and the range of the last chunk. */
const worked: readonly [number, number, number, string][] = [
  [3_145_728, 3_145_728, 1, '0-3145727'],
  [4_194_304, 4_194_304, 1, '0-4194303'],
  [30_567_100, 30_567_100, 1, '0-30567099'],
  [50_000_123, 10_000_000, 5, '40000000-50000122'],
  [64_000_000, 64_000_000, 1, '0-63999999'],
  [64_000_001, 10_000_000, 6, '50000000-64000000'],
  [66_259_900, 10_000_000, 6, '50000000-66259899'],
  [121_000_000, 10_000_000, 12, '110000000-120999999'],
  [602_285_541, 10_000_000, 60, '590000000-602285540'],
  [4_000_000_000, 10_000_000, 400, '3990000000-3999999999'],
]

describe('an init', () => {
  test('of every worked example is accepted, and its last chunk ends with the video', async () => {
    const { client, token, local } = await startPair({
      rateLimits: false,
      dailyPostCap: null,
      pendingCap: null,
    })
    for (const [size, chunkSize, count, lastRange] of worked) {
      const plan = { kind: 'planned', chunkSize, count } as const
      const { first, last } = chunkRange(plan, size, count - 1)
      expect(`${first}-${last}`).toBe(lastRange)
      expect(await client.initDirectPost(token, wantedPost(size, {}, plan))).toMatchObject({ kind: 'ok' })
      expect(await client.initInboxVideo(token, { videoSize: size, plan })).toMatchObject({ kind: 'ok' })
      // Our plan is the same, except for TikTok's 50 MB example, which fits in one chunk.
      if (size !== 50_000_123) expect(planChunks(size)).toEqual(plan)
    }
    expect(local.counters().refused).toEqual({})
  })

  test.each([
    [66_259_900, 64_000_000, 1, 'The chunk size is invalid'],
    [65_000_000, 60_000_000, 2, 'The total chunk count is invalid'],
    [4_999_999, 2_500_000, 1, 'The chunk size is invalid'],
    [20_000_000, 4_000_000, 5, 'The chunk size is invalid'],
    [121_000_000, 64_000_000, 1, 'The chunk size is invalid'],
  ])(
    'of %d bytes in chunks of %d bytes, %d of them, is refused with its log id',
    async (size, chunkSize, count, message) => {
      const { client, token } = await startPair()
      const plan = { kind: 'planned', chunkSize, count } as const
      const expected = { kind: 'refused', httpStatus: 400, code: 'invalid_params', message }
      const logId = expect.stringMatching(/^\d{14}[\dA-F]{20}$/)
      expect(await client.initDirectPost(token, wantedPost(size, {}, plan))).toEqual({ ...expected, logId })
      expect(await client.initInboxVideo(token, { videoSize: size, plan })).toEqual({ ...expected, logId })
    },
  )

  test('whose answer is lost is unknown, and the client does not repeat it', async () => {
    const { client, token, local } = await startPair()
    local.injectFault({ endpoint: 'videoInit', nth: 1, effect: { kind: 'dropAfter' } })
    expect(await client.initDirectPost(token, wantedPost(1))).toMatchObject({ kind: 'unknown' })
    expect(local.counters()).toMatchObject({ inits: 1 })
  })

  test('by an unaudited app for a public account is refused, whatever the post’s privacy', async () => {
    const { client, token } = await startPair({ audited: false })
    expect(await client.initDirectPost(token, wantedPost(1, { privacyLevel: 'SELF_ONLY' }))).toMatchObject({
      kind: 'refused',
      httpStatus: 403,
      code: 'unaudited_client_can_only_post_to_private_accounts',
      logId: expect.any(String),
    })
  })
})

describe('an upload', () => {
  const size = 64_000_001

  test('whose third chunk is answered 502 twice completes after the chunk is sent again', async () => {
    const pair = await startPair()
    const { client, local } = pair
    const { uploadUrl } = await initPost(pair, wantedPost(size))
    for (const nth of [3, 4]) {
      local.injectFault({ endpoint: 'upload', nth, effect: { kind: 'status', status: 502 } })
    }
    const answers = []
    for (const index of [0, 1, 2, 2, 2, 3, 4, 5]) {
      answers.push(await client.putChunk(uploadUrl, chunkOf(size, index)))
    }
    expect(answers.map(({ kind }) => kind)).toEqual([
      'stored',
      'stored',
      'retry',
      'retry',
      'stored',
      'stored',
      'stored',
      'complete',
    ])
    expect(answers.at(-1)).toEqual({ kind: 'complete', httpStatus: 201 })
    expect(local.posts()).toMatchObject([{ sha256: videoHash(size), bytes: size }])
  })

  test('whose chunk’s answer was lost resumes at the offset that TikTok reports', async () => {
    const pair = await startPair()
    const { client, token, local } = pair
    const { publishId, uploadUrl } = await initPost(pair, wantedPost(size))
    await client.putChunk(uploadUrl, chunkOf(size, 0))
    local.injectFault({ endpoint: 'upload', nth: 1, effect: { kind: 'dropAfter' } })
    expect((await client.putChunk(uploadUrl, chunkOf(size, 1))).kind).toBe('unknown')

    expect(await client.putChunk(uploadUrl, chunkOf(size, 1))).toMatchObject({ kind: 'rangeMismatch' })
    const status = await client.status(token, publishId)
    if (status.kind !== 'ok') throw new Error(status.kind)
    const next = nextChunk(planOf(size), size, status.uploadedBytes ?? 0)
    expect(next).toEqual({ kind: 'chunk', index: 2 })
    for (const index of [2, 3, 4, 5]) await client.putChunk(uploadUrl, chunkOf(size, index))
    expect(local.posts()).toMatchObject([{ sha256: videoHash(size) }])
  })
})

test('creator info may refuse posting with HTTP status 200', async () => {
  const { client, token } = await startPair({ dailyPostCap: 0 })
  expect(await client.creatorInfo(token)).toMatchObject({
    kind: 'refused',
    httpStatus: 200,
    code: 'spam_risk_too_many_posts',
    logId: expect.any(String),
  })
})

describe('an init whose answer is mangled', () => {
  test.each(['python', 'prose'] as const)('as %s is still read, and its upload goes on', async (as) => {
    const pair = await startPair()
    pair.local.injectFault({ endpoint: 'videoInit', nth: 1, effect: { kind: 'mangle', as } })
    const { publishId, uploadUrl } = await initPost(pair, wantedPost(10))
    expect((await pair.client.putChunk(uploadUrl, chunkOf(10, 0))).kind).toBe('complete')
    expect(pair.local.posts()).toMatchObject([{ publishId, bytes: 10 }])
  })

  test('to half its length is unknown, with the publish id to look up', async () => {
    const { client, token, local } = await startPair()
    local.injectFault({ endpoint: 'videoInit', nth: 1, effect: { kind: 'garble' } })
    const answer = await client.initDirectPost(token, wantedPost(10))
    const [post] = local.posts()
    expect(answer).toMatchObject({ kind: 'unknown', cause: 'unreadable', publishId: post?.publishId })
    expect(await client.status(token, post?.publishId ?? '')).toMatchObject({ status: 'PROCESSING_UPLOAD' })
  })

  test('into a gateway’s page is unknown, and keeps the page as raw text', async () => {
    const { client, token, local } = await startPair()
    local.injectFault({ endpoint: 'videoInit', nth: 1, effect: { kind: 'mangle', as: 'html' } })
    expect(await client.initDirectPost(token, wantedPost(10))).toMatchObject({
      kind: 'unknown',
      cause: 'unreadable',
      raw: expect.stringContaining('502 Bad Gateway'),
    })
  })
})

test('a post id keeps all of its digits through status, list, query and webhook', async () => {
  const bodies: Uint8Array[] = []
  const { url } = await receiveWebhooks(bodies)
  const pair = await startPair({ idsAsNumbers: true, nextPostIds: ['7678907398077074696'] })
  const { client, token, local } = pair
  local.changeApp({ webhookUrl: url })
  const { publishId, uploadUrl } = await initPost(pair, wantedPost(10))
  await client.putChunk(uploadUrl, chunkOf(10, 0))

  const id = '7678907398077074696'
  expect(await client.status(token, publishId)).toMatchObject({ publicPostIds: [id] })
  expect(await client.listVideos(token)).toMatchObject({ videos: [{ id }] })
  expect(await client.queryVideos(token, [id, '7678907398077074697'])).toMatchObject({ videos: [{ id }] })
  await local.flushWebhooks()
  const webhooks = bodies.map(parseWebhook)
  expect(webhooks).toContainEqual(expect.objectContaining({ kind: 'postPublic', publishId, postId: id }))
})

/** Receives webhooks and keeps the bodies of those whose signature is valid. */
async function receiveWebhooks(bodies: Uint8Array[]) {
  const url = await startServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts)
      const verdict = verifyWebhook({
        header: request.headers['tiktok-signature']?.toString(),
        body,
        secret: new Secret('cs_local_rehearsal'),
        nowSeconds: Date.now() / 1000,
        toleranceSeconds: 300,
      })
      if (verdict.kind === 'ok') bodies.push(body)
      response.writeHead(verdict.kind === 'ok' ? 200 : 401).end()
    })
  })
  return { url }
}
