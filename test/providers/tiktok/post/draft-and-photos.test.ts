import { describe, expect, test } from 'vitest'
import { chunkOf, planOf, startPair } from '../../../simulator/support.ts'

describe('a draft', () => {
  test('is delivered to the inbox and published by its creator', async () => {
    const pair = await startPair()
    const { client, token, local } = pair
    const started = await client.initInboxVideo(token, { videoSize: 10, plan: planOf(10) })
    if (started.kind !== 'ok') throw new Error(started.kind)
    expect(started.publishId).toMatch(/^v_inbox_file~v2\.\d{19}$/)
    await client.putChunk(started.uploadUrl, chunkOf(10, 0))
    expect(await client.status(token, started.publishId)).toMatchObject({ status: 'SEND_TO_USER_INBOX' })

    local.postDraft(started.publishId)
    expect(await client.status(token, started.publishId)).toMatchObject({
      status: 'PUBLISH_COMPLETE',
      publicPostIds: [expect.stringMatching(/^\d{19}$/)],
    })
  })

  test('is refused when too many drafts are pending', async () => {
    const { client, token } = await startPair({ pendingCap: 1 })
    const file = { videoSize: 10, plan: planOf(10) }
    expect((await client.initInboxVideo(token, file)).kind).toBe('ok')
    expect(await client.initInboxVideo(token, file)).toMatchObject({
      kind: 'refused',
      httpStatus: 403,
      code: 'spam_risk_too_many_pending_share',
    })
  })
})

describe('photos', () => {
  const photos = {
    mode: 'DIRECT_POST',
    title: 'Three joints',
    description: 'From the bench',
    images: ['https://media.example.test/1.jpg', 'https://media.example.test/2.jpg'],
    coverIndex: 1,
    isAigc: true,
    privacyLevel: 'SELF_ONLY',
    disableComment: false,
    autoAddMusic: true,
    brandContent: false,
    brandOrganic: false,
  } as const

  test('are fetched from a verified domain only', async () => {
    const { client, token, local } = await startPair()
    expect(await client.initPhotoPost(token, photos)).toMatchObject({ code: 'url_ownership_unverified' })
    local.changeApp({ verifiedProperties: ['example.test'] })
    const started = await client.initPhotoPost(token, photos)
    if (started.kind !== 'ok') throw new Error(started.kind)
    expect(local.posts()).toMatchObject([{ publishId: started.publishId, media: 'photo', isAigc: true }])
  })

  test('can be cancelled only while TikTok is fetching them', async () => {
    const { client, token, local } = await startPair({ pullMs: 60_000 })
    local.changeApp({ verifiedProperties: ['example.test'] })
    const started = await client.initPhotoPost(token, photos)
    if (started.kind !== 'ok') throw new Error(started.kind)
    expect(await client.cancelPost(token, started.publishId)).toEqual({ kind: 'ok' })
    expect(await client.status(token, started.publishId)).toMatchObject({
      status: 'FAILED',
      failReason: 'publish_cancelled',
    })
    expect(await client.cancelPost(token, started.publishId)).toMatchObject({
      kind: 'refused',
      httpStatus: 400,
      code: 'publish_not_cancellable',
      logId: expect.any(String),
    })
    expect(await client.cancelPost(token, 'v_pub_file~v2-1.1')).toMatchObject({ code: 'invalid_publish_id' })
  })
})
