import { z } from 'zod'
import { parseExactJson } from '../../exact-json.ts'

interface WebhookFields {
  /** The event's name as TikTok spelled it in this delivery. */
  readonly event: string
  readonly createdAtSeconds: number
  /** The app that the webhook is for: check that it is this one. */
  readonly clientKey: string
  /** The creator's id, which is specific to this app. */
  readonly openId: string
}

interface PostWebhookFields extends WebhookFields {
  readonly publishId: string
  /** `INBOX_SHARE` is a draft; any other value is a direct post. */
  readonly publishType?: string
  /** The post's public id, with all of its digits, if TikTok sends it. */
  readonly postId?: string
}

export type PostWebhook =
  /** The post was published. A draft is published by its creator, and possibly more than once. */
  | (PostWebhookFields & { readonly kind: 'postCompleted' })
  /** `reason` is a fail reason of the status call, or empty. */
  | (PostWebhookFields & { readonly kind: 'postFailed'; readonly reason: string })
  /** TikTok has notified the creator of the draft. */
  | (PostWebhookFields & { readonly kind: 'draftDelivered' })
  /** The post became public: it passed moderation, or its creator changed its privacy. */
  | (PostWebhookFields & { readonly kind: 'postPublic' })
  /** The post is no longer public. */
  | (PostWebhookFields & { readonly kind: 'postRemoved' })

/** The authorization ended and its tokens are invalid. `reason`: 0 unknown, 1 by the user, 2 account deleted, 3 age, 4 banned, 5 by us. */
export type AuthorizationRemovedWebhook = WebhookFields & {
  readonly kind: 'authorizationRemoved'
  readonly reason: number
}

export type KnownWebhook = PostWebhook | AuthorizationRemovedWebhook

export type ParsedWebhook =
  | KnownWebhook
  /** An event of another product, or one that this version does not know. Answer 200, or TikTok repeats it for three days. */
  | { readonly kind: 'ignored'; readonly event: string }
  /** Not a valid webhook. `why` quotes no value. */
  | { readonly kind: 'malformed'; readonly why: string }

/**
 * Parses a webhook's body; call `verifyWebhook` first. Its `content` is JSON inside a string and is parsed a second time; an
 * object in its place is accepted too. Ids keep all of their digits. Source: webhooks, overview and events.
 */
export function parseWebhook(body: Uint8Array): ParsedWebhook {
  const outer = parseAs(envelope, new TextDecoder().decode(body))
  if (outer.kind === 'malformed') return outer

  const { event, create_time, client_key, user_openid, content } = outer.value
  const kind = kindOf.get(event)
  if (kind === undefined) return { kind: 'ignored', event }
  if (user_openid === undefined) return { kind: 'malformed', why: 'user_openid: missing' }
  const common = { event, createdAtSeconds: create_time, clientKey: client_key, openId: user_openid }

  const inner = parseAs(contentSchema, content)
  if (inner.kind === 'malformed') return { kind: 'malformed', why: `content, ${inner.why}` }

  const {
    reason,
    fail_reason,
    publish_id: publishId,
    publish_type: publishType,
    post_id: postId,
  } = inner.value
  if (kind === 'authorizationRemoved') return { ...common, kind, reason: Number(reason ?? 0) || 0 }
  if (publishId === undefined) return { kind: 'malformed', why: 'content, publish_id: missing' }

  const post = { ...common, publishId, ...(publishType && { publishType }), ...(postId && { postId }) }
  return kind === 'postFailed' ? { ...post, kind, reason: reason ?? fail_reason ?? '' } : { ...post, kind }
}

/**
 * A key that is equal for repeated deliveries of one event, however TikTok spells the event's name. The time is part of it,
 * because a draft may be published more than once.
 */
export function webhookDeduplicationKey(webhook: KnownWebhook): string {
  const { publishId, postId } = webhook.kind === 'authorizationRemoved' ? {} : webhook
  return [webhook.kind, webhook.openId, publishId ?? '', postId ?? '', webhook.createdAtSeconds].join('|')
}

const kindOf: ReadonlyMap<string, KnownWebhook['kind']> = new Map([
  ['post.publish.complete', 'postCompleted'],
  ['post.publish.failed', 'postFailed'],
  ['post.publish.inbox_delivered', 'draftDelivered'],
  ['post.publish.publicly_available', 'postPublic'],
  ['post.publish.no_longer_publicly_available', 'postRemoved'],
  // TikTok has used these spellings too.
  ['post.publish.publicaly_available', 'postPublic'],
  ['post.publish.no_longer_publicaly_available', 'postRemoved'],
  ['authorization.removed', 'authorizationRemoved'],
])

const envelope = z.object({
  event: z.string().min(1),
  create_time: z.number(),
  client_key: z.string().min(1),
  // Only events of other products omit it.
  user_openid: z.string().min(1).optional(),
  content: z.unknown(),
})

const text = z.union([z.string(), z.number()]).transform(String).optional()

const contentSchema = z.object({
  publish_id: z.string().min(1).optional(),
  publish_type: z.string().optional(),
  // TikTok does not document whether it is a number. The exact JSON reader turns both into text with all digits.
  post_id: text,
  // Text when a post failed, a number when an authorization was removed.
  reason: text,
  // Not in TikTok's documents, but its clients read it.
  fail_reason: text,
})

type Parsed<Value> =
  | { readonly kind: 'parsed'; readonly value: Value }
  | { readonly kind: 'malformed'; readonly why: string }

/** Parses JSON text, or a value that is parsed already. */
function parseAs<Value>(schema: z.ZodType<Value>, given: unknown): Parsed<Value> {
  let value = given
  if (typeof given === 'string') {
    try {
      value = parseExactJson(given)
    } catch {
      return { kind: 'malformed', why: 'not JSON' }
    }
  }
  const checked = schema.safeParse(value)
  if (checked.success) return { kind: 'parsed', value: checked.data }
  const [issue] = checked.error.issues
  return { kind: 'malformed', why: `${issue?.path.join('.') || 'the whole'}: ${issue?.message}` }
}
