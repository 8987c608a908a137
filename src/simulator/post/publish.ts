import { randomUUID } from 'node:crypto'
import type { SimulatorContext } from '../context.ts'
import { count } from '../counters.ts'
import type { Account, Publish } from '../record.ts'
import { snowflake } from './post-id.ts'
import { savePublish } from './publish-record.ts'

export type NewPublish = Pick<
  Publish,
  'title' | 'privacyLevel' | 'isAigc' | 'size' | 'chunkSize' | 'chunkCount'
> &
  Required<Pick<Publish, 'mode' | 'media'>> & {
    readonly description?: string
    readonly coverTimestampMs?: number
    /** The URLs to download from; absent for an upload. */
    readonly urls?: readonly string[]
  }

/** Creates a post, counts it and starts its download, if any. Source of the prefixes: "get started" pages. */
export function createPublish(
  context: SimulatorContext,
  account: Account,
  { urls, ...wanted }: NewPublish,
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
  savePublish(context, publish)
  count(context, 'inits')
  if (urls) context.pulls.start(publish)
  return publish
}

function prefixOf({ mode, media }: Pick<NewPublish, 'mode' | 'media'>, isPulled: boolean): string {
  if (media === 'photo') return 'p_pub_url~v2'
  if (mode === 'draft') return isPulled ? 'v_inbox_url~v2' : 'v_inbox_file~v2'
  return isPulled ? 'v_pub_url~v2-1' : 'v_pub_file~v2-1'
}
