import { stringify } from 'lossless-json'
import { type Moment, timelineOf } from '../post/timeline.ts'
import type { Publish } from '../record.ts'

/** Something to be told to the app, and what to know it by. */
export interface Event {
  readonly id: string
  /** The post or the account that it is about. */
  readonly subject: string
  readonly openId: string
  readonly event: string
  readonly at: number
  readonly content: object
}

/** What is told of a post, in order, including what lies ahead. Source: "get video status", webhooks. */
export function eventsOf(publish: Publish, idsAsNumbers: boolean): readonly Event[] {
  return timelineOf(publish).map((moment) => {
    const { key, event, content } = told(moment, idsAsNumbers)
    const { publishId, openId, mode } = publish
    return {
      id: `${publishId} ${key}`,
      subject: publishId,
      openId,
      event: `post.publish.${event}`,
      at: moment.at,
      content: {
        publish_id: publishId,
        ...content,
        publish_type: mode === 'draft' ? 'INBOX_SHARE' : 'DIRECT_POST',
      },
    }
  })
}

function told(moment: Moment, idsAsNumbers: boolean) {
  switch (moment.kind) {
    case 'failed':
      return { key: 'failed', event: 'failed', content: { reason: moment.reason } }
    case 'delivered':
      return { key: 'delivered', event: 'inbox_delivered', content: {} }
    case 'complete':
      return { key: `complete ${moment.turn}`, event: 'complete', content: {} }
    case 'available':
    case 'unavailable': {
      const { kind, postId } = moment
      // TikTok spells the one right and the other wrong.
      const event = kind === 'available' ? 'publicly_available' : 'no_longer_publicaly_available'
      const content = { post_id: idsAsNumbers ? BigInt(postId) : postId }
      return { key: `${kind} ${postId}`, event, content }
    }
  }
}

/** The raw body of a webhook. What it is about is JSON within JSON, where bare numbers hide from a tokenizer. */
export function webhookBody(clientKey: string, { event, at, openId, content }: Event): string {
  const envelope = {
    client_key: clientKey,
    event,
    create_time: Math.floor(at / 1000),
    user_openid: openId,
    content: stringify(content),
  }
  return JSON.stringify(envelope)
}
