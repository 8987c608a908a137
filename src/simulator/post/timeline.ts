import type { Publish } from '../record.ts'
import { readTitleDirectives, type TitleDirectives } from './title-directives.ts'

/** Something that happens to a post once; `at` may be in the future. */
export type TimelineEntry = { readonly at: number } & (
  | { readonly kind: 'failed'; readonly reason: string }
  /** The draft is in the user's inbox. */
  | { readonly kind: 'delivered' }
  /** Posted. `nth` is 1-based: a draft can be posted repeatedly. */
  | { readonly kind: 'complete'; readonly nth: number; readonly isPublic: boolean }
  | { readonly kind: 'available'; readonly postId: string }
  | { readonly kind: 'unavailable'; readonly postId: string }
)

/**
 * Everything that happens to a post, in order. It is computed from the post's record alone: no timer is lost in a restart, and
 * status answers, pages and webhooks agree.
 *
 * A public post is complete first and has a public id only after moderation; a private post has one only after its owner
 * makes it public. Stopping a post removes every later entry.
 */
export function timelineOf(publish: Publish): readonly TimelineEntry[] {
  const { stopped } = publish
  const planned = plannedTimeline(publish, readTitleDirectives(publish.title))
  const entries = stopped
    ? [...planned.filter(({ at }) => at <= stopped.at), { ...stopped, kind: 'failed' as const }]
    : planned
  return entries.sort((one, other) => one.at - other.at)
}

function plannedTimeline(publish: Publish, directives: TitleDirectives): TimelineEntry[] {
  const { pull, completedAt, mode, createdAt, processingMs } = publish
  if (directives.isStuck) return []
  const expiresAt = pull ? createdAt + pull.ttlMs : Number.POSITIVE_INFINITY
  if (completedAt === undefined || completedAt > expiresAt) {
    return pull ? [{ kind: 'failed', at: expiresAt, reason: pullFailure(publish) }] : []
  }
  const processed = completedAt + processingMs
  const reason = directives.failReason ?? publish.mediaFailReason
  if (reason !== undefined) return [{ kind: 'failed', at: processed, reason }]

  const published =
    mode === 'draft' ? draftTimeline(publish, processed) : directTimeline(publish, processed, directives)
  return [...published, ...takedownEntries(publish, published, directives)]
}

function directTimeline(publish: Publish, processed: number, directives: TitleDirectives): TimelineEntry[] {
  const isPublic = publish.privacyLevel === 'PUBLIC_TO_EVERYONE'
  const publicAt = isPublic ? processed : publish.madePublicAt
  const available =
    publicAt === undefined || directives.hasNoId
      ? []
      : publish.postIds.map(
          (postId): TimelineEntry => ({
            kind: 'available',
            at: Math.max(processed, publicAt) + publish.moderationMs,
            postId,
          }),
        )
  return [{ kind: 'complete', at: processed, nth: 1, isPublic }, ...available]
}

function draftTimeline(
  { userPosts = [], moderationMs, madePublicAt }: Publish,
  processed: number,
): TimelineEntry[] {
  const posted = userPosts.flatMap(({ at, postId, isPublic }, index): TimelineEntry[] => {
    const publicAt = isPublic ? at : madePublicAt
    return [
      { kind: 'complete', at, nth: index + 1, isPublic },
      ...(publicAt === undefined
        ? []
        : [{ kind: 'available' as const, at: Math.max(at, publicAt) + moderationMs, postId }]),
    ]
  })
  return [{ kind: 'delivered', at: processed }, ...posted]
}

function takedownEntries(
  publish: Publish,
  published: readonly TimelineEntry[],
  directives: TitleDirectives,
): TimelineEntry[] {
  return published.flatMap((entry) => {
    if (entry.kind !== 'available') return []
    const at = publish.takenDownAt ?? (directives.isTakenDown ? entry.at + publish.moderationMs : undefined)
    return at === undefined || at < entry.at ? [] : [{ kind: 'unavailable', at, postId: entry.postId }]
  })
}

/** The fail reason of a download; TikTok has one for each kind of media. */
export function pullFailure({ media }: Publish): string {
  return media === 'photo' ? 'photo_pull_failed' : 'video_pull_failed'
}
