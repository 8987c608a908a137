import type { Publish } from '../record.ts'
import { timelineOf } from './timeline.ts'

export type PublishStatus =
  | 'PROCESSING_UPLOAD'
  | 'PROCESSING_DOWNLOAD'
  | 'SEND_TO_USER_INBOX'
  | 'PUBLISH_COMPLETE'
  | 'FAILED'

/** The stage of a post, in words for people. */
export type PostStage =
  | 'uploading'
  | 'downloading'
  | 'processing'
  | 'in moderation'
  | 'public'
  | 'private'
  | 'draft'
  | 'taken down'
  | 'failed'

export interface Progress {
  readonly status: PublishStatus
  readonly stage: PostStage
  readonly failReason?: string
  readonly publicPostIds: readonly string[]
}

/** The status of a post now, from its timeline up to now. */
export function progressOf(publish: Publish, now: number): Progress {
  const past = timelineOf(publish).filter(({ at }) => at <= now)
  const failed = past.find((entry) => entry.kind === 'failed')
  if (failed) return { status: 'FAILED', stage: 'failed', failReason: failed.reason, publicPostIds: [] }

  const gone = past.filter((entry) => entry.kind === 'unavailable').map(({ postId }) => postId)
  const publicPostIds = past
    .filter((entry) => entry.kind === 'available')
    .map(({ postId }) => postId)
    .filter((id) => !gone.includes(id))
  const complete = past.filter((entry) => entry.kind === 'complete')
  if (complete.length > 0) {
    const isInModeration = complete.some(({ isPublic }) => isPublic) || publish.madePublicAt !== undefined
    const hidden = gone.length > 0 ? 'taken down' : isInModeration ? 'in moderation' : 'private'
    return { status: 'PUBLISH_COMPLETE', stage: publicPostIds.length > 0 ? 'public' : hidden, publicPostIds }
  }
  if (past.length > 0) return { status: 'SEND_TO_USER_INBOX', stage: 'draft', publicPostIds }

  const isComplete = publish.completedAt !== undefined && publish.completedAt <= now
  return publish.pull
    ? { status: 'PROCESSING_DOWNLOAD', stage: isComplete ? 'processing' : 'downloading', publicPostIds }
    : { status: 'PROCESSING_UPLOAD', stage: isComplete ? 'processing' : 'uploading', publicPostIds }
}
