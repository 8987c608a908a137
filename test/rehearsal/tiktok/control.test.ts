import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { begin, chunkOf, startPair, videoBytes, wantedPost } from './support.ts'

const videoPage = z.object({
  data: z.object({ videos: z.array(z.unknown()), cursor: z.number(), has_more: z.boolean() }),
})

test('what another process asks under /__local/ is what the object offers', async () => {
  const { local, client, token } = await startPair()
  const ask = async (method: string, name: string, body?: unknown) => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    const response = await fetch(`${local.url}/__local/${name}`, init)
    return [response.status, await response.json()]
  }

  expect(await ask('POST', 'accounts', { username: 'ben', private: true })).toMatchObject([
    200,
    { username: 'ben', duetDisabled: true },
  ])
  expect(await ask('GET', 'accounts')).toEqual([200, local.accounts()])
  expect(await ask('GET', 'counters')).toEqual([200, local.counters()])
  expect(await ask('PATCH', 'knobs', { audited: false })).toEqual([200, local.knobs()])
  expect(local.knobs()).toMatchObject({ audited: false, processingMs: 0 })
  expect(await ask('POST', 'grants', { username: 'nobody' })).toEqual([400, { error: 'no account nobody' }])
  expect(await ask('PATCH', 'knobs', { adited: true })).toMatchObject([400, {}])
  expect(await ask('POST', 'accounts', { username: '<b>' })).toMatchObject([400, {}])
  expect(await ask('GET', 'nothing')).toMatchObject([404, {}])

  await ask('POST', 'faults', { endpoint: 'creatorInfo', nth: 1, effect: { kind: 'status', status: 503 } })
  expect(await client.creatorInfo(token)).toMatchObject({ cause: 'serverError', httpStatus: 503 })
  await ask('POST', 'advance', { seconds: 7200 })
  expect((await client.creatorInfo(token)).kind).toBe('unauthorized')
})

test('the profile page shows the posts, escapes what people wrote, and plays the bytes', async () => {
  const pair = await startPair()
  const { local, client } = pair
  const { publishId, uploadUrl } = await begin(
    pair,
    wantedPost(100_000, { title: '<script>alert(1)</script>' }),
  )
  const page = async () => (await fetch(`${local.url}/@ann`)).text()
  expect(await page()).toContain('0 % uploaded')

  await client.putChunk(uploadUrl, chunkOf(100_000, 0))
  expect(await page()).toContain(publishId)
  expect(await page()).not.toContain('<script')

  const media = `${local.url}/__local/media/${encodeURIComponent(publishId)}`
  const whole = Buffer.from(await (await fetch(media)).arrayBuffer())
  expect(createHash('sha256').update(whole).digest('hex')).toBe(local.posts()[0]?.sha256)
  const part = await fetch(media, { headers: { range: 'bytes=70000-' } })
  expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 70000-99999/100000'])
  expect(Buffer.from(await part.arrayBuffer())).toEqual(Buffer.concat([...videoBytes(70_000, 99_999)]))

  expect((await fetch(`${local.url}/@nobody`)).status).toBe(404)
})

test('a creator’s videos are listed newest first, page by page, public ones only', async () => {
  const pair = await startPair()
  const { local, client, token } = pair
  for (const [title, privacyLevel] of [
    ['one', 'PUBLIC_TO_EVERYONE'],
    ['mine', 'SELF_ONLY'],
    ['two', 'PUBLIC_TO_EVERYONE'],
  ] as const) {
    const { uploadUrl } = await begin(pair, wantedPost(10, { title, privacyLevel }))
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
