import { describe, expect, test } from 'vitest'
import { call, oneChunk, postVideo, putWhole, sendDraft, statusOf } from './raw-request.ts'
import { startPair, tokenOf } from './support.ts'

const inboxInit = '/v2/post/publish/inbox/video/init/'

describe('a draft', () => {
  test('is delivered and can be posted by its user repeatedly', async () => {
    const pair = await startPair({ processingMs: 1000 })
    const init = await call(pair, inboxInit, { source_info: oneChunk(10) })
    expect(init.data.publish_id).toMatch(/^v_inbox_file~v2\.\d{19}$/)
    const publishId = String(init.data.publish_id)
    expect(() => pair.local.postDraft(publishId)).toThrow('is not a draft in an inbox')

    expect((await putWhole(init.data, 10)).status).toBe(201)
    expect((await statusOf(pair, publishId)).data).toEqual({
      status: 'PROCESSING_UPLOAD',
      uploaded_bytes: 10,
    })
    pair.local.advance(1)
    expect((await statusOf(pair, publishId)).data).toEqual({ status: 'SEND_TO_USER_INBOX' })
    expect(pair.local.posts()).toMatchObject([{ mode: 'draft', stage: 'draft', postIds: [] }])

    const { postIds: first } = pair.local.postDraft(publishId)
    const { postIds: both } = pair.local.postDraft(publishId)
    expect(both).toEqual([...first, expect.stringMatching(/^\d{19}$/)])
    expect((await statusOf(pair, publishId)).data).toEqual({
      status: 'PUBLISH_COMPLETE',
      publicaly_available_post_id: both,
    })
    expect(pair.local.counters()).toMatchObject({ inits: 1, inboxInits: 1 })
  })

  test('has no public id when its user posts it in private', async () => {
    const pair = await startPair()
    const publishId = await sendDraft(pair)
    expect(pair.local.postDraft(publishId, false)).toMatchObject({ stage: 'private', postIds: [] })
    expect((await statusOf(pair, publishId)).data).toEqual({ status: 'PUBLISH_COMPLETE' })
  })

  test('is refused after five pending drafts until one is posted or a day has passed', async () => {
    const pair = await startPair({ rateLimits: false })
    const drafts: string[] = []
    for (let count = 0; count < 5; count += 1) drafts.push(await sendDraft(pair))
    const next = () => call(pair, inboxInit, { source_info: oneChunk(10) })
    expect(await next()).toMatchObject({ status: 403, code: 'spam_risk_too_many_pending_share' })
    // The cap concerns drafts only: creator info does not mention it, and a direct post is accepted.
    expect(await call(pair, '/v2/post/publish/creator_info/query/', {})).toMatchObject({ code: 'ok' })

    pair.local.postDraft(drafts[0] ?? '')
    expect((await next()).code).toBe('ok')
    expect((await next()).code).toBe('spam_risk_too_many_pending_share')
    pair.local.advance(86_400)
    expect((await next()).code).toBe('access_token_invalid')
    expect(
      (await call({ ...pair, token: tokenOf(pair.local) }, inboxInit, { source_info: oneChunk(10) })).code,
    ).toBe('ok')
  })

  test('needs its own scope and no audit', async () => {
    const pair = await startPair({ audited: false })
    const publishing = { ...pair, token: tokenOf(pair.local, 'ann', ['video.publish']) }
    const uploading = { ...pair, token: tokenOf(pair.local, 'ann', ['video.upload']) }
    const body = { source_info: oneChunk(10) }
    expect(await call(publishing, inboxInit, body)).toMatchObject({
      status: 401,
      code: 'scope_not_authorized',
    })
    expect(await call(uploading, inboxInit, body)).toMatchObject({ code: 'ok' })
  })
})

describe('a public post', () => {
  test('stays complete without its id after a takedown', async () => {
    const pair = await startPair()
    const publishId = await postVideo(pair)
    expect((await statusOf(pair, publishId)).data).toHaveProperty('publicaly_available_post_id')
    expect(pair.local.takeDown(publishId)).toMatchObject({ stage: 'taken down', postIds: [] })
    expect((await statusOf(pair, publishId)).data).toEqual({ status: 'PUBLISH_COMPLETE' })
    expect(() => pair.local.takeDown(publishId)).toThrow('is taken down, not public')
    expect(() => pair.local.takeDown('nothing')).toThrow('no post nothing')
  })

  test('gets the id of its title’s directive or of the setting, unless another post has it', async () => {
    const pair = await startPair({ nextPostIds: ['7678907398077074696'] })
    const title = '[[local:id=7312345678901234567]]'
    const scripted = await postVideo(pair, { title })
    const bySetting = await postVideo(pair)
    const second = await postVideo(pair, { title })
    const idOf = async (publishId: string) =>
      (await statusOf(pair, publishId)).data.publicaly_available_post_id

    expect(await idOf(scripted)).toEqual(['7312345678901234567'])
    expect(await idOf(bySetting)).toEqual(['7678907398077074696'])
    expect(await idOf(second)).not.toEqual(['7312345678901234567'])
    expect(pair.local.settings().nextPostIds).toEqual([])
  })

  test('is moderated before it has an id; a private post is moderated when it is made public', async () => {
    const pair = await startPair({ moderationMs: 60_000 })
    const publishId = await postVideo(pair)
    const mine = await postVideo(pair, { privacy_level: 'SELF_ONLY' })
    expect(pair.local.posts().map(({ stage }) => stage)).toEqual(['in moderation', 'private'])
    pair.local.makePublic(mine)
    pair.local.advance(60)
    expect(pair.local.posts().map(({ stage }) => stage)).toEqual(['public', 'public'])
    expect((await statusOf(pair, publishId)).data).toHaveProperty('publicaly_available_post_id')
    expect((await statusOf(pair, mine)).data).toHaveProperty('publicaly_available_post_id')
  })
})
