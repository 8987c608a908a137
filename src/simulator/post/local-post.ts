import type { Account, Publish } from '../record.ts'
import { type PublishStatus, progressOf, type Stage } from './progress.ts'

/** A post, or what may become one, as an outside judge sees it. */
export interface LocalPost {
  readonly publishId: string
  readonly username: string
  readonly mode: 'direct' | 'draft'
  readonly media: 'video' | 'photo'
  readonly title: string
  /** Of photos. */
  readonly description?: string
  readonly privacyLevel: string
  readonly isAigc: boolean
  readonly status: PublishStatus
  /** Where it stands, in a word for people. */
  readonly stage: Stage
  readonly failReason?: string
  /** Public post ids; empty while in moderation and for what is not public. */
  readonly postIds: readonly string[]
  /** Declared; 0 for what is downloaded. */
  readonly size: number
  /** Bytes that arrived, in whole chunks or whole downloads. */
  readonly bytes: number
  /** Of the kept bytes, once all are there; of several photos, of all in their order. */
  readonly sha256?: string
  /** Where it was downloaded from. */
  readonly urls?: readonly string[]
  /** When the init was accepted, ISO 8601. */
  readonly at: string
}

export function localPost(publish: Publish, account: Account | undefined, now: number): LocalPost {
  const { status, stage, failReason, publicPostIds } = progressOf(publish, now)
  return {
    publishId: publish.publishId,
    username: account?.username ?? publish.openId,
    mode: publish.mode ?? 'direct',
    media: publish.media ?? 'video',
    title: publish.title,
    ...(publish.description && { description: publish.description }),
    privacyLevel: publish.privacyLevel,
    isAigc: publish.isAigc,
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
