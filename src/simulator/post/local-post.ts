import type { Account, Publish } from '../record.ts'
import { type PostStage, type PublishStatus, progressOf } from './progress.ts'

/** A post or draft, as tests and the console see it. */
export interface LocalPost {
  readonly publishId: string
  readonly username: string
  readonly mode: 'direct' | 'draft'
  readonly media: 'video' | 'photo'
  readonly title: string
  /** Only for photos. */
  readonly description?: string
  readonly privacyLevel: string
  readonly isAigc: boolean
  /** The frame that is the cover, in milliseconds; absent for photos, drafts and posts of older versions. */
  readonly coverTimestampMs?: number
  readonly status: PublishStatus
  /** Its stage, in words for people. */
  readonly stage: PostStage
  readonly failReason?: string
  /** Public post ids; empty during moderation and while the post is not public. */
  readonly postIds: readonly string[]
  /** The declared size in bytes; 0 for downloads. */
  readonly size: number
  /** Bytes of whole chunks or whole downloads that arrived. */
  readonly bytes: number
  /** Hash of the media after all bytes have arrived; of several photos, in their order. */
  readonly sha256?: string
  /** The URLs of a download. */
  readonly urls?: readonly string[]
  /** When the init was accepted, ISO 8601. */
  readonly at: string
}

export function localPost(publish: Publish, account: Account | undefined, now: number): LocalPost {
  const { status, stage, failReason, publicPostIds } = progressOf(publish, now)
  return {
    publishId: publish.publishId,
    username: account?.username ?? publish.openId,
    mode: publish.mode,
    media: publish.media,
    title: publish.title,
    ...(publish.description && { description: publish.description }),
    privacyLevel: publish.privacyLevel,
    isAigc: publish.isAigc,
    ...(publish.coverTimestampMs !== undefined && { coverTimestampMs: publish.coverTimestampMs }),
    status,
    stage,
    ...(failReason && { failReason }),
    postIds: publicPostIds,
    size: publish.size,
    bytes: publish.received,
    ...(publish.sha256 && { sha256: publish.sha256 }),
    ...(publish.pull && { urls: publish.pull.urls }),
    at: new Date(publish.createdAt).toISOString(),
  }
}
