import { progressOf } from './progress.ts'
import type { Account, Publish } from './record.ts'

/** A post, or what may become one, as an outside judge sees it. */
export interface LocalPost {
  readonly publishId: string
  readonly username: string
  readonly title: string
  readonly privacyLevel: string
  readonly isAigc: boolean
  readonly status: 'PROCESSING_UPLOAD' | 'PUBLISH_COMPLETE' | 'FAILED'
  readonly failReason?: string
  /** Public post ids; empty while in moderation and for what is not public. */
  readonly postIds: readonly string[]
  readonly size: number
  /** Bytes that arrived, in whole chunks. */
  readonly bytes: number
  /** Of the kept bytes, once all are there. */
  readonly sha256?: string
  /** When the init was accepted, ISO 8601. */
  readonly at: string
}

export function localPost(publish: Publish, account: Account | undefined, now: number): LocalPost {
  const { status, failReason, publicPostIds } = progressOf(publish, now)
  return {
    publishId: publish.publishId,
    username: account?.username ?? publish.openId,
    title: publish.title,
    privacyLevel: publish.privacyLevel,
    isAigc: publish.isAigc,
    status,
    ...(failReason && { failReason }),
    postIds: publicPostIds,
    size: publish.size,
    bytes: publish.received,
    ...(publish.sha256 && { sha256: publish.sha256 }),
    at: new Date(publish.createdAt).toISOString(),
  }
}
