import { describe, expect, test } from 'vitest'
import { nextChunk } from '../../src/providers/tiktok/post/chunk-plan.ts'
import { chunkOf, initPost, planOf, startPair, until, videoHash, wantedPost } from './support.ts'

describe('a video', () => {
  test('of one chunk is posted, from creator info to its public id', async () => {
    const pair = await startPair({ processingMs: 60_000, moderationMs: 60_000 })
    const { client, local, token } = pair
    expect(await client.creatorInfo(token)).toMatchObject({
      kind: 'ok',
      creator: { username: 'ann', nickname: 'Ann', maxDurationSeconds: 600, duetDisabled: false },
    })

    const size = 1_234_567
    const { publishId, uploadUrl } = await initPost(pair, wantedPost(size))
    expect(publishId).toMatch(/^v_pub_file~v2-1\.\d{19}$/)
    expect(await client.putChunk(uploadUrl, chunkOf(size, 0))).toMatchObject({
      kind: 'complete',
      httpStatus: 201,
    })
    expect(await client.status(token, publishId)).toEqual({
      kind: 'ok',
      status: 'PROCESSING_UPLOAD',
      reportedStatus: 'PROCESSING_UPLOAD',
      publicPostIds: [],
      uploadedBytes: size,
    })

    local.advance(60)
    expect(await client.status(token, publishId)).toMatchObject({
      status: 'PUBLISH_COMPLETE',
      publicPostIds: [],
    })

    local.advance(60)
    const end = await client.status(token, publishId)
    expect(end).toMatchObject({ publicPostIds: [expect.stringMatching(/^\d{19}$/)] })
    const [post] = local.posts()
    expect(post).toMatchObject({ username: 'ann', status: 'PUBLISH_COMPLETE', sha256: videoHash(size), size })
    expect(end).toMatchObject({ publicPostIds: post?.postIds })
  })

  test('of six chunks arrives completely', async () => {
    const pair = await startPair()
    const { client, local, token } = pair
    const size = 66_259_900
    const { publishId, uploadUrl } = await initPost(pair, wantedPost(size))
    for (let index = 0; index < 5; index += 1) {
      expect(await client.putChunk(uploadUrl, chunkOf(size, index))).toEqual({
        kind: 'stored',
        uploadedBytes: (index + 1) * 10_000_000,
        httpStatus: 206,
      })
    }
    expect((await client.putChunk(uploadUrl, chunkOf(size, 5))).kind).toBe('complete')

    await until(
      () => client.status(token, publishId),
      (answer) => answer.kind === 'ok' && answer.publicPostIds.length === 1,
    )
    expect(local.posts()).toMatchObject([{ sha256: videoHash(size), bytes: size }])
    expect(local.counters()).toMatchObject({ inits: 1, puts: 6, bytes: size, authorizationOnUpload: 0 })
  })

  test.each(['count', 'lastIndex'] as const)(
    'with a chunk out of order continues at the range of the answer (%s)',
    async (rangeHeader) => {
      const pair = await startPair({ rangeHeader })
      const { client, token } = pair
      const size = 64_000_001
      const plan = planOf(size)
      const { publishId, uploadUrl } = await initPost(pair, wantedPost(size))
      await client.putChunk(uploadUrl, chunkOf(size, 0))

      const answer = await client.putChunk(uploadUrl, chunkOf(size, 3))
      if (answer.kind !== 'rangeMismatch') throw new Error(answer.kind)
      expect(nextChunk(plan, size, answer.uploadedBytes ?? -1)).toEqual({ kind: 'chunk', index: 1 })

      const status = await client.status(token, publishId)
      if (status.kind !== 'ok') throw new Error(status.kind)
      expect(nextChunk(plan, size, status.uploadedBytes ?? -1)).toEqual({ kind: 'chunk', index: 1 })
      expect((await client.putChunk(uploadUrl, chunkOf(size, 1))).kind).toBe('stored')
      // An accepted chunk is not accepted twice.
      expect((await client.putChunk(uploadUrl, chunkOf(size, 1))).kind).toBe('rangeMismatch')
    },
  )
})

describe('the outcome of a post', () => {
  async function posted(title: string, privacyLevel: 'PUBLIC_TO_EVERYONE' | 'SELF_ONLY') {
    const pair = await startPair()
    const { publishId, uploadUrl } = await initPost(pair, wantedPost(1000, { title, privacyLevel }))
    await pair.client.putChunk(uploadUrl, chunkOf(1000, 0))
    pair.local.advance(3600)
    return pair.client.status(pair.token, publishId)
  }

  test('follows the directive in its title', async () => {
    expect(await posted('[[local:frame_rate_check_failed]]', 'SELF_ONLY')).toMatchObject({
      status: 'FAILED',
      failReason: 'frame_rate_check_failed',
    })
    expect(await posted('a [[local:stuck]]', 'SELF_ONLY')).toMatchObject({ status: 'PROCESSING_UPLOAD' })
    expect(await posted('[[local:no_id]]', 'PUBLIC_TO_EVERYONE')).toMatchObject({
      status: 'PUBLISH_COMPLETE',
      publicPostIds: [],
    })
    expect(await posted('[[local:two_ids]]', 'PUBLIC_TO_EVERYONE')).toMatchObject({
      publicPostIds: [expect.any(String), expect.any(String)],
    })
  })

  test('has no public id for a private post', async () => {
    expect(await posted('mine', 'SELF_ONLY')).toMatchObject({ status: 'PUBLISH_COMPLETE', publicPostIds: [] })
  })
})
