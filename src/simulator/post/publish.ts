import { randomUUID } from 'node:crypto'
import { count } from '../counters.ts'
import type { Account, Publish } from '../record.ts'
import type { Ground, World } from '../world.ts'
import { newPostId, snowflake } from './post-id.ts'
import { scriptOf } from './title-directives.ts'

export type WantedPublish = Pick<
  Publish,
  'title' | 'privacyLevel' | 'isAigc' | 'size' | 'chunkSize' | 'chunkCount'
> &
  Required<Pick<Publish, 'mode' | 'media'>> & {
    readonly description?: string
    /** Where to download from; absent when the bytes will be sent. */
    readonly urls?: readonly string[]
  }

/** Creates a post, counts it, and begins its download if it has one. Source of the prefixes: "get started" pages. */
export function createPublish(world: World, account: Account, { urls, ...wanted }: WantedPublish): Publish {
  const now = world.now()
  const { processingMs, moderationMs, uploadTtlSeconds, pullTtlSeconds } = world.knobs()
  const uploadId = snowflake(now)
  const publish: Publish = {
    ...wanted,
    publishId: `${prefixOf(wanted, urls !== undefined)}.${uploadId}`,
    uploadId,
    uploadToken: randomUUID(),
    uploadExpiresAt: now + uploadTtlSeconds * 1000,
    openId: account.openId,
    received: 0,
    createdAt: now,
    processingMs,
    moderationMs,
    ...(urls && { pull: { urls, ttlMs: pullTtlSeconds * 1000 } }),
    postIds: [],
  }
  keepPublish(world, publish)
  count(world, 'inits')
  if (urls) world.pulls.start(publish)
  return publish
}

function prefixOf({ mode, media }: Pick<WantedPublish, 'mode' | 'media'>, isPulled: boolean): string {
  if (media === 'photo') return 'p_pub_url~v2'
  if (mode === 'draft') return isPulled ? 'v_inbox_url~v2' : 'v_inbox_file~v2'
  return isPulled ? 'v_pub_url~v2-1' : 'v_pub_file~v2-1'
}

/** The upload of an id: the id is the end of the publish id, so that nothing is searched. */
export function uploadOf({ book }: Pick<Ground, 'book'>, uploadId: string): Publish | undefined {
  return (
    book.get('publish', `v_pub_file~v2-1.${uploadId}`) ?? book.get('publish', `v_inbox_file~v2.${uploadId}`)
  )
}

/** Writes a post down, and lets the outbox see what is to be told of it. */
export function keepPublish({ book, outbox }: Pick<World, 'book' | 'outbox'>, publish: Publish): void {
  book.put('publish', publish.publishId, publish)
  outbox.watch(publish)
}

export interface CompletedMedia {
  readonly at: number
  readonly received: number
  readonly sha256?: string
  readonly mediaFault?: string
}

/** A post whose bytes are all there. A direct one has its ids from here on; a draft gets one each time it is posted. */
export function completed(ground: Ground, publish: Publish, { at, ...media }: CompletedMedia): Publish {
  const ids = publish.mode === 'draft' ? 0 : scriptOf(publish.title).idCount
  const postIds = Array.from({ length: ids }, () => newPostId(ground, publish))
  return { ...publish, ...media, completedAt: at, postIds }
}
