import { expect, test } from 'vitest'
import { call, oneChunk } from './raw-request.ts'
import { type Pair, startPair, tokenOf } from './support.ts'

const paths = {
  creatorInfo: '/v2/post/publish/creator_info/query/',
  videoInit: '/v2/post/publish/video/init/',
  inboxInit: '/v2/post/publish/inbox/video/init/',
  statusFetch: '/v2/post/publish/status/fetch/',
}

const init = { post_info: { privacy_level: 'SELF_ONLY' }, source_info: oneChunk(1) }

async function countAllowed(
  pair: Pick<Pair, 'local' | 'token'>,
  path: string,
  body: unknown,
): Promise<number> {
  for (let calls = 0; ; calls += 1) {
    if ((await call(pair, path, body)).code === 'rate_limit_exceeded') return calls
  }
}

test.each([
  ['creatorInfo', 20],
  ['videoInit', 6],
  ['inboxInit', 6],
  ['statusFetch', 30],
] as const)('%s allows %d calls per minute', async (endpoint, limit) => {
  const pair = await startPair({ pendingCap: null })
  expect(await countAllowed(pair, paths[endpoint], init)).toBe(limit)
  expect(pair.local.rates().filter((rate) => rate.endpoint === endpoint)).toEqual([
    { endpoint, per: 'account', subject: 'ann', peakPerMinute: limit, refused: 1 },
    {
      endpoint,
      per: 'token',
      subject: expect.stringMatching(/^[\da-f]{12}$/),
      peakPerMinute: limit,
      refused: 1,
    },
  ])
})

test('the window slides: calls of half a minute ago still count', async () => {
  const pair = await startPair({ limits: { videoInit: 2 } })
  const code = async () => (await call(pair, paths.videoInit, init)).code
  expect(await code()).toBe('ok')
  pair.local.advance(30)
  expect(await code()).toBe('ok')
  pair.local.advance(29)
  expect(await code()).toBe('rate_limit_exceeded')
  pair.local.advance(1)
  expect(await code()).toBe('ok')
})

test('the peak rate of an account counts all of its tokens, even without limits', async () => {
  const pair = await startPair({ rateLimits: false, dailyPostCap: null })
  const other = { ...pair, token: tokenOf(pair.local) }
  for (let calls = 0; calls < 5; calls += 1) {
    await call(pair, paths.videoInit, init)
    await call(other, paths.videoInit, init)
  }
  pair.local.advance(60)
  await call(pair, paths.videoInit, init)
  const peakPerMinute = pair.local.rates().map(({ per, peakPerMinute }) => [per, peakPerMinute])
  expect(peakPerMinute).toEqual([
    ['account', 10],
    ['token', 5],
    ['token', 5],
  ])
})

test('the inits can share one limit, and a 429 can have Retry-After', async () => {
  const pair = await startPair({ sharedInitLimit: true, retryAfterSeconds: 17 })
  for (let calls = 0; calls < 3; calls += 1) {
    expect((await call(pair, paths.videoInit, init)).code).toBe('ok')
    expect((await call(pair, paths.inboxInit, init)).code).toBe('ok')
  }
  const refused = await call(pair, paths.inboxInit, init)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '17'])
})
