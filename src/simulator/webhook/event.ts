import { stringify } from 'lossless-json'
import { type TimelineEntry, timelineOf } from '../post/timeline.ts'
import type { Publish } from '../record.ts'

/** An event that the app is notified of. */
export interface WebhookEvent {
  readonly id: string
  /** The post or account of the event. */
  readonly subject: string
  readonly openId: string
  readonly event: string
  readonly at: number
  readonly content: object
}

/** All webhook events of a post in order, including future ones. Source: "get video status", webhooks. */
export function eventsOf(publish: Publish, idsAsNumbers: boolean): readonly WebhookEvent[] {
  return timelineOf(publish).map((entry) => {
    const { key, event, content } = webhookOf(entry, idsAsNumbers)
    const { publishId, openId, mode } = publish
    return {
      id: `${publishId} ${key}`,
      subject: publishId,
      openId,
      event: `post.publish.${event}`,
      at: entry.at,
      content: {
        publish_id: publishId,
        ...content,
        publish_type: mode === 'draft' ? 'INBOX_SHARE' : 'DIRECT_POST',
      },
    }
  })
}

function webhookOf(entry: TimelineEntry, idsAsNumbers: boolean) {
  switch (entry.kind) {
    case 'failed':
      return { key: 'failed', event: 'failed', content: { reason: entry.reason } }
    case 'delivered':
      return { key: 'delivered', event: 'inbox_delivered', content: {} }
    case 'complete':
      return { key: `complete ${entry.nth}`, event: 'complete', content: {} }
    case 'available':
    case 'unavailable': {
      const { kind, postId } = entry
      // TikTok misspells the second one.
      const event = kind === 'available' ? 'publicly_available' : 'no_longer_publicaly_available'
      const content = { post_id: idsAsNumbers ? BigInt(postId) : postId }
      return { key: `${kind} ${postId}`, event, content }
    }
  }
}

/** The raw body of a webhook. Its `content` is JSON in a string, so a parser of the outer JSON cannot fix its numbers. */
export function webhookBody(clientKey: string, { event, at, openId, content }: WebhookEvent): string {
  const envelope = {
    client_key: clientKey,
    event,
    create_time: Math.floor(at / 1000),
    user_openid: openId,
    content: stringify(content),
  }
  return JSON.stringify(envelope)
}
