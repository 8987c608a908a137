import type { Publish } from './record.ts'

export interface Progress {
  readonly status: 'PROCESSING_UPLOAD' | 'PUBLISH_COMPLETE' | 'FAILED'
  readonly failReason?: string
  readonly publicPostIds: readonly string[]
}

/**
 * Where a post stands now, computed from its record and the clock alone: no timer to lose in a restart.
 *
 * A public post is complete first and has its id only after moderation; a private one never has one. The title may script
 * the end: `[[local:stuck]]` never leaves processing, `[[local:no_id]]` never passes moderation, `[[local:two_ids]]` has two
 * ids, and any fail reason, as in `[[local:frame_rate_check_failed]]`, fails with it.
 */
export function progressOf(publish: Publish, now: number): Progress {
  const script = scripted(publish.title)
  const processed = publish.completedAt === undefined ? undefined : publish.completedAt + publish.processingMs
  if (processed === undefined || now < processed || script === 'stuck') {
    return { status: 'PROCESSING_UPLOAD', publicPostIds: [] }
  }
  if (script && !endings.has(script)) return { status: 'FAILED', failReason: script, publicPostIds: [] }

  const moderated =
    publish.privacyLevel === 'PUBLIC_TO_EVERYONE' &&
    now >= processed + publish.moderationMs &&
    script !== 'no_id'
  return { status: 'PUBLISH_COMPLETE', publicPostIds: moderated ? publish.postIds : [] }
}

/** How many public ids the post will have; a user can make two of one. */
export function idCount(publish: Publish): number {
  return scripted(publish.title) === 'two_ids' ? 2 : 1
}

const endings: ReadonlySet<string> = new Set(['stuck', 'no_id', 'two_ids'])

function scripted(title: string): string | undefined {
  return /\[\[local:([a-z_]+)\]\]/.exec(title)?.[1]
}
