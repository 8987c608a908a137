import { randomUUID } from 'node:crypto'
import type { SimulatorContext } from '../context.ts'
import { count } from '../counters.ts'
import type { Account, Publish } from '../record.ts'
import { snowflake } from './post-id.ts'
import { keepPublish } from './publish-record.ts'

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
export function createPublish(
  context: SimulatorContext,
  account: Account,
  { urls, ...wanted }: WantedPublish,
): Publish {
  const now = context.now()
  const { processingMs, moderationMs, uploadTtlSeconds, pullTtlSeconds } = context.settings()
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
  keepPublish(context, publish)
  count(context, 'inits')
  if (urls) context.pulls.start(publish)
  return publish
}

function prefixOf({ mode, media }: Pick<WantedPublish, 'mode' | 'media'>, isPulled: boolean): string {
  if (media === 'photo') return 'p_pub_url~v2'
  if (mode === 'draft') return isPulled ? 'v_inbox_url~v2' : 'v_inbox_file~v2'
  return isPulled ? 'v_pub_url~v2-1' : 'v_pub_file~v2-1'
}
