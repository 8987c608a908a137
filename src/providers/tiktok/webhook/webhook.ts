import { z } from 'zod'
import { parseExactJson } from '../../exact-json.ts'

/** What all news have. */
interface About {
  /** TikTok's name of the event, as it spelled it this time. */
  readonly event: string
  /** Epoch seconds, as TikTok has it. */
  readonly createdAtSeconds: number
  /** Whose news they are: check that it is this app. */
  readonly clientKey: string
  /** The creator, as this app knows them. */
  readonly openId: string
}

interface OfPost extends About {
  readonly publishId: string
  /** `INBOX_SHARE` is a draft; TikTok's other words for it mean a direct post. */
  readonly publishType?: string
  /** The post's public id, with all of its digits, where TikTok tells it. */
  readonly postId?: string
}

export type PostWebhook =
  /** Posted; of a draft, by its creator, who may do so more than once. */
  | (OfPost & { readonly kind: 'postCompleted' })
  /** `reason` is one of the status call's fail reasons, or empty. */
  | (OfPost & { readonly kind: 'postFailed'; readonly reason: string })
  /** The creator has been told of the draft. */
  | (OfPost & { readonly kind: 'draftDelivered' })
  /** Everybody can see it now: moderation has passed it, or its creator has opened it. */
  | (OfPost & { readonly kind: 'postPublic' })
  /** It is not public any more. */
  | (OfPost & { readonly kind: 'postRemoved' })

/** The grant is gone, and its tokens are dead. `reason`: 0 unknown, 1 by the user, 2 account deleted, 3 age, 4 banned, 5 by us. */
export type AuthorizationRemovedWebhook = About & {
  readonly kind: 'authorizationRemoved'
  readonly reason: number
}

export type KnownWebhook = PostWebhook | AuthorizationRemovedWebhook

export type ParsedWebhook =
  | KnownWebhook
  /** Of another product, or of a later time. Answer 200 all the same, or TikTok repeats it for three days. */
  | { readonly kind: 'ignored'; readonly event: string }
  /** Not what TikTok sends. `why` quotes no value. */
  | { readonly kind: 'malformed'; readonly why: string }

/**
 * Reads a webhook's body, after `verifyWebhook`. Its `content` is JSON printed into a string, so it is parsed a second time,
 * both times with every digit of an id; an object in its place is taken as well. Source: webhooks, overview and events.
 */
export function readWebhook(body: Uint8Array): ParsedWebhook {
  const outer = parsedAs(wrapping, new TextDecoder().decode(body))
  if (outer.kind === 'malformed') return outer

  const { event, create_time, client_key, user_openid, content } = outer.value
  const kind = kindOf.get(event)
  if (kind === undefined) return { kind: 'ignored', event }
  if (user_openid === undefined) return { kind: 'malformed', why: 'user_openid: missing' }
  const about = { event, createdAtSeconds: create_time, clientKey: client_key, openId: user_openid }

  const inner = parsedAs(contents, content)
  if (inner.kind === 'malformed') return { kind: 'malformed', why: `content, ${inner.why}` }

  const {
    reason,
    fail_reason,
    publish_id: publishId,
    publish_type: publishType,
    post_id: postId,
  } = inner.value
  if (kind === 'authorizationRemoved') return { ...about, kind, reason: Number(reason ?? 0) || 0 }
  if (publishId === undefined) return { kind: 'malformed', why: 'content, publish_id: missing' }

  const ofPost = { ...about, publishId, ...(publishType && { publishType }), ...(postId && { postId }) }
  return kind === 'postFailed'
    ? { ...ofPost, kind, reason: reason ?? fail_reason ?? '' }
    : { ...ofPost, kind }
}

/**
 * The same for every repetition of the same news, whichever way TikTok spells its event. The time belongs to it: a draft
 * may be posted again, and that is news.
 */
export function webhookDeduplicationKey(news: KnownWebhook): string {
  const { publishId, postId } = news.kind === 'authorizationRemoved' ? {} : news
  return [news.kind, news.openId, publishId ?? '', postId ?? '', news.createdAtSeconds].join('|')
}

const kindOf: ReadonlyMap<string, KnownWebhook['kind']> = new Map([
  ['post.publish.complete', 'postCompleted'],
  ['post.publish.failed', 'postFailed'],
  ['post.publish.inbox_delivered', 'draftDelivered'],
  ['post.publish.publicly_available', 'postPublic'],
  ['post.publish.no_longer_publicly_available', 'postRemoved'],
  // TikTok has spelled both of them so, too.
  ['post.publish.publicaly_available', 'postPublic'],
  ['post.publish.no_longer_publicaly_available', 'postRemoved'],
  ['authorization.removed', 'authorizationRemoved'],
])

const wrapping = z.object({
  event: z.string().min(1),
  create_time: z.number(),
  client_key: z.string().min(1),
  // Missing from other products' events alone.
  user_openid: z.string().min(1).optional(),
  content: z.unknown(),
})

const words = z.union([z.string(), z.number()]).transform(String).optional()

const contents = z.object({
  publish_id: z.string().min(1).optional(),
  publish_type: z.string().optional(),
  // Nobody has said whether it is a number: read exactly, both are text with all digits.
  post_id: words,
  // A word when a post has failed, a number when a grant is gone.
  reason: words,
  // Not in TikTok's documents, yet looked for by its clients.
  fail_reason: words,
})

type Parsed<Value> =
  | { readonly kind: 'parsed'; readonly value: Value }
  | { readonly kind: 'malformed'; readonly why: string }

/** Of JSON in a text, or of what such a text would have said. */
function parsedAs<Value>(schema: z.ZodType<Value>, given: unknown): Parsed<Value> {
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
