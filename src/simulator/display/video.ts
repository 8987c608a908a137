import { avatarUrl } from '../console/avatar.ts'
import type { SimulatorContext } from '../context.ts'
import { type Call, fieldsOf } from '../http/call.ts'
import { type Reply, refuse } from '../http/reply.ts'
import { progressOf } from '../post/progress.ts'
import { timelineOf } from '../post/timeline.ts'
import type { Account, Publish } from '../record.ts'

/** A public post in its owner's list. */
export interface PublicVideo {
  readonly id: string
  readonly publish: Publish
  /** When it was posted. Unique within an account, so that a cursor never splits equal times. */
  readonly at: number
}

/** An account's public posts, newest first. */
export function publicVideos(
  { recordStore, now }: SimulatorContext,
  { openId }: Account,
): readonly PublicVideo[] {
  const videos = recordStore
    .all('publish')
    .filter((publish) => publish.openId === openId)
    .flatMap((publish) => {
      const at = timelineOf(publish).find((entry) => entry.kind === 'complete')?.at ?? 0
      return progressOf(publish, now()).publicPostIds.map((id) => ({ id, publish, at }))
    })
    .toArray()
    .sort((one, other) => other.at - one.at)

  let before = Number.POSITIVE_INFINITY
  return videos.map((video) => {
    before = Math.min(video.at, before - 1)
    return { ...video, at: before }
  })
}

/** Every field of the video object. Source: "video object". */
export function videoFields(context: SimulatorContext, account: Account, { id, publish, at }: PublicVideo) {
  const shareUrl = `${context.url()}/@${account.username}/video/${id}`
  return {
    id,
    create_time: Math.floor(at / 1000),
    cover_image_url: avatarUrl(context, account),
    share_url: shareUrl,
    embed_link: shareUrl,
    embed_html: `<blockquote cite="${shareUrl}"></blockquote>`,
    title: publish.title.slice(0, 150),
    video_description: (publish.description ?? publish.title).slice(0, 150),
    duration: 0,
    height: 0,
    width: 0,
    like_count: 0,
    comment_count: 0,
    share_count: 0,
    view_count: 0,
  }
}

const fieldNames: ReadonlySet<string> = new Set([
  'id',
  'create_time',
  'cover_image_url',
  'share_url',
  'embed_link',
  'embed_html',
  'title',
  'video_description',
  'duration',
  'height',
  'width',
  'like_count',
  'comment_count',
  'share_count',
  'view_count',
] satisfies (keyof ReturnType<typeof videoFields>)[])

/** The refusal of a call whose `fields` are missing from the query or unknown. */
export function videoFieldsRefusal(call: Call, now: number): Reply | undefined {
  const fields = fieldsOf(call)
  if (fields.length === 0) return refuse(400, 'invalid_params', 'fields is required in the query', now)
  const unknown = fields.find((field) => !fieldNames.has(field))
  return unknown ? refuse(400, 'invalid_params', `${unknown} is not a field`, now) : undefined
}

/** Only the requested fields. */
export function pick(fields: readonly string[], all: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries(all).filter(([name]) => fields.includes(name)))
}
