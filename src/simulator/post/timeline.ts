import type { Publish } from '../record.ts'
import { type Script, scriptOf } from './title-directives.ts'

/** Something that happens to a post, once; `at` may lie ahead. */
export type Moment = { readonly at: number } & (
  | { readonly kind: 'failed'; readonly reason: string }
  /** The draft is in the user's inbox. */
  | { readonly kind: 'delivered' }
  /** Posted; `turn` counts how often a draft was. */
  | { readonly kind: 'complete'; readonly turn: number; readonly isPublic: boolean }
  | { readonly kind: 'available'; readonly postId: string }
  | { readonly kind: 'unavailable'; readonly postId: string }
)

/**
 * All that happens to a post, in order, computed from its record alone: there is no timer to lose in a restart, and status
 * answers, pages and webhooks cannot contradict each other.
 *
 * A public post is complete first and has its id only after moderation; a private one has an id only if its owner makes it
 * public later. What stops a post cuts off all that would have come after.
 */
export function timelineOf(publish: Publish): readonly Moment[] {
  const { stopped } = publish
  const course = courseOf(publish, scriptOf(publish.title))
  const moments = stopped
    ? [...course.filter(({ at }) => at <= stopped.at), { ...stopped, kind: 'failed' as const }]
    : course
  return moments.sort((one, other) => one.at - other.at)
}

function courseOf(publish: Publish, script: Script): Moment[] {
  const { pull, completedAt, mode, createdAt, processingMs } = publish
  if (script.stuck) return []
  const givenUpAt = pull ? createdAt + pull.ttlMs : Number.POSITIVE_INFINITY
  if (completedAt === undefined || completedAt > givenUpAt) {
    return pull ? [{ kind: 'failed', at: givenUpAt, reason: pullFailure(publish) }] : []
  }
  const processed = completedAt + processingMs
  const reason = script.failReason ?? publish.mediaFault
  if (reason !== undefined) return [{ kind: 'failed', at: processed, reason }]

  const published =
    mode === 'draft' ? draftCourse(publish, processed) : directCourse(publish, processed, script)
  return [...published, ...takedown(publish, published, script)]
}

function directCourse(publish: Publish, processed: number, script: Script): Moment[] {
  const isPublic = publish.privacyLevel === 'PUBLIC_TO_EVERYONE'
  const publicAt = isPublic ? processed : publish.madePublicAt
  const available =
    publicAt === undefined || script.noId
      ? []
      : publish.postIds.map(
          (postId): Moment => ({
            kind: 'available',
            at: Math.max(processed, publicAt) + publish.moderationMs,
            postId,
          }),
        )
  return [{ kind: 'complete', at: processed, turn: 1, isPublic }, ...available]
}

function draftCourse({ userPosts = [], moderationMs, madePublicAt }: Publish, processed: number): Moment[] {
  const posted = userPosts.flatMap(({ at, postId, isPublic }, index): Moment[] => {
    const publicAt = isPublic ? at : madePublicAt
    return [
      { kind: 'complete', at, turn: index + 1, isPublic },
      ...(publicAt === undefined
        ? []
        : [{ kind: 'available' as const, at: Math.max(at, publicAt) + moderationMs, postId }]),
    ]
  })
  return [{ kind: 'delivered', at: processed }, ...posted]
}

function takedown(publish: Publish, course: readonly Moment[], script: Script): Moment[] {
  return course.flatMap((moment) => {
    if (moment.kind !== 'available') return []
    const at = publish.takenDownAt ?? (script.takenDown ? moment.at + publish.moderationMs : undefined)
    return at === undefined || at < moment.at ? [] : [{ kind: 'unavailable', at, postId: moment.postId }]
  })
}

/** The reason that a download failed with: TikTok has one for each kind of media. */
export function pullFailure({ media }: Publish): string {
  return media === 'photo' ? 'photo_pull_failed' : 'video_pull_failed'
}
