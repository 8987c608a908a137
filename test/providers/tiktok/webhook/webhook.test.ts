import { describe, expect, test } from 'vitest'
import {
  type ParsedWebhook,
  parseWebhook,
  webhookDeduplicationKey,
} from '../../../../src/providers/tiktok/webhook/webhook.ts'
import { completed } from './webhooks.ts'

const publishId = 'v_pub_file~v2-1.7600000000000000001'
const postId = '7312345678901234567'
const about = { createdAtSeconds: 1_764_000_000, clientKey: 'ck', openId: '-000' }

/** A delivery whose `content` is a string, as TikTok sends it. */
function delivery(event: string, content: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    client_key: 'ck',
    event,
    create_time: 1_764_000_000,
    user_openid: '-000',
    content,
    ...more,
  })
}

const read = (text: string) => parseWebhook(Buffer.from(text))

describe('parseWebhook', () => {
  test('reads a completed post', () => {
    expect(read(completed)).toEqual({
      kind: 'postCompleted',
      event: 'post.publish.complete',
      createdAtSeconds: 1_764_000_000,
      clientKey: 'ck_local_demo',
      openId: '-000OpenIdDemo0001',
      publishId,
      publishType: 'DIRECT_POST',
    })
  })

  test.each([
    ['post.publish.inbox_delivered', 'draftDelivered'],
    ['post.publish.publicly_available', 'postPublic'],
    ['post.publish.publicaly_available', 'postPublic'],
    ['post.publish.no_longer_publicaly_available', 'postRemoved'],
    ['post.publish.no_longer_publicly_available', 'postRemoved'],
  ])('reads %s as %s, with every digit of its ids', (event, kind) => {
    const expected = { kind, event, ...about, publishId, postId, publishType: 'INBOX_SHARE' }
    for (const content of [
      `{"publish_id":"${publishId}","post_id":${postId},"publish_type":"INBOX_SHARE"}`,
      `{"publish_id":"${publishId}","post_id":"${postId}","publish_type":"INBOX_SHARE"}`,
    ]) {
      expect(read(delivery(event, content))).toEqual(expected)
      // An object instead of the string keeps its digits too.
      const object = delivery(event, '').replace('"content":""', `"content":${content}`)
      expect(read(object)).toEqual(expected)
    }
  })

  test.each(['reason', 'fail_reason'])('reads why a post failed from `%s`', (name) => {
    const content = JSON.stringify({ publish_id: publishId, [name]: 'frame_rate_check_failed' })
    expect(read(delivery('post.publish.failed', content))).toEqual({
      kind: 'postFailed',
      event: 'post.publish.failed',
      ...about,
      publishId,
      reason: 'frame_rate_check_failed',
    })
  })

  test.each([
    ['{"reason":1}', 1],
    ['{"reason":"5"}', 5],
    ['{}', 0],
  ])('reads a removed authorization: %s', (content, reason) => {
    expect(read(delivery('authorization.removed', content))).toEqual({
      kind: 'authorizationRemoved',
      event: 'authorization.removed',
      ...about,
      reason,
    })
  })

  test('ignores an event that it does not know', () => {
    const ignored = { kind: 'ignored', event: 'portability.download.ready' }
    expect(read(delivery('portability.download.ready', '{"request_id":1}'))).toEqual(ignored)
    // Events of other products have no user and any content.
    const foreign = delivery('portability.download.ready', 'x', { user_openid: undefined })
    expect(read(foreign)).toEqual(ignored)
    expect(read(delivery('constructor', '{}'))).toEqual({ kind: 'ignored', event: 'constructor' })
  })

  test.each([
    ['', 'not JSON'],
    ['{"client_key":"ck"', 'not JSON'],
    ['[]', 'the whole: Invalid input: expected object, received array'],
    [
      JSON.stringify({ client_key: 'ck', event: 'e' }),
      'create_time: Invalid input: expected number, received undefined',
    ],
    [delivery('post.publish.complete', '{}'), 'content, publish_id: missing'],
    [delivery('post.publish.complete', '{"publish_id'), 'content, not JSON'],
    [
      delivery('post.publish.complete', '{"publish_id":"p"}', { user_openid: undefined }),
      'user_openid: missing',
    ],
  ])('refuses the malformed body %s', (text, why) => {
    expect(read(text)).toEqual({ kind: 'malformed', why })
  })
})

describe('a webhook’s deduplication key', () => {
  const key = (text: string) => webhookDeduplicationKey(known(read(text)))
  const event = 'post.publish.publicly_available'
  const content = JSON.stringify({ publish_id: publishId, post_id: postId })
  const first = key(delivery(event, content))

  test('is equal for a repeated delivery, however its event is spelled', () => {
    expect(first).toBe(`postPublic|-000|${publishId}|${postId}|1764000000`)
    expect(key(delivery('post.publish.publicaly_available', content.replace(`"${postId}"`, postId)))).toBe(
      first,
    )
  })

  test.each([
    delivery('post.publish.complete', content),
    delivery(event, content, { create_time: 1_764_000_001 }),
    delivery(event, content, { user_openid: '-001' }),
    delivery(event, content.replace('567', '568')),
    delivery(event, content.replace('001"', '002"')),
  ])('differs for another event: %s', (text) => {
    expect(key(text)).not.toBe(first)
  })

  test('of a removed authorization has no post', () => {
    expect(key(delivery('authorization.removed', '{"reason":1}'))).toBe(
      'authorizationRemoved|-000|||1764000000',
    )
  })
})

function known(webhook: ParsedWebhook) {
  if (webhook.kind === 'ignored' || webhook.kind === 'malformed') throw new Error(webhook.kind)
  return webhook
}
