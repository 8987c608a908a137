import type { JobContext } from '../../../../machines/job/context.ts'

export type PostStatus =
  | 'UPLOADING'
  | 'ACCEPTED'
  | 'PROCESSING'
  | 'IN_MODERATION'
  | 'PUBLIC'
  | 'PRIVATE'
  | 'DRAFT'
  | 'TAKEN_DOWN'
  | 'FAILED'
  | 'UNCONFIRMED'

/** What a job knows of its post. */
export interface PostView {
  readonly publishId: string
  readonly status: PostStatus
  readonly publicPostIds: readonly string[]
  /** When its last byte was sent, epoch milliseconds. */
  readonly sentAt: number | null
  readonly accountId: string
}

/** A job's post; null until TikTok has opened one. `state` is the job machine's. */
export function postOfJob(state: string, context: JobContext): PostView | null {
  const { post, publicPostIds, sentAt, accountId } = context
  if (!post) return null
  return { publishId: post.publishId, status: statusOf(state, context), publicPostIds, sentAt, accountId }
}

/** What is settled comes first, then how far it has come; where nothing is known for sure, that is said. */
function statusOf(state: string, context: JobContext): PostStatus {
  const { ending, visibility, sentAt } = context
  if (ending === 'failed' || ending === 'cancelled') return 'FAILED'
  if (visibility === 'hidden') return 'TAKEN_DOWN'
  if (visibility === 'public') return 'PUBLIC'
  if (ending === 'delivered') return 'DRAFT'
  if (ending === 'published') return 'PRIVATE'
  if (sentAt === null) return mayBeSent(context) ? 'UNCONFIRMED' : 'UPLOADING'
  // The job waits for a person, and TikTok is not polled meanwhile.
  if (!state.startsWith('watching.')) return 'UNCONFIRMED'
  // Kept while TikTok is asked again, so that what is shown does not flicker.
  switch (context.stage) {
    case null:
      return 'ACCEPTED'
    case 'processing':
      return 'PROCESSING'
    case 'inModeration':
      return 'IN_MODERATION'
  }
}

/** The last chunk was under way when its answer was lost: all of it may be there. */
function mayBeSent({ outcomeUnknown, nextChunk, post }: JobContext): boolean {
  return outcomeUnknown && nextChunk + 1 >= (post?.chunkCount ?? 0)
}
