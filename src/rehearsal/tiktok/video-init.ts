import { randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { privacyOptions } from './account.ts'
import { chunkMistake } from './chunk-check.ts'
import { enter } from './gate.ts'
import { postingStop } from './posting-cap.ts'
import type { Account, Publish } from './record.ts'
import { type Reply, refuse, succeed } from './reply.ts'
import { type Call, count, type World } from './world.ts'

const toggle = z.boolean().optional()

const initBody = z.object({
  post_info: z.object({
    title: z.string().max(2200).optional(),
    privacy_level: z.string().optional(),
    disable_comment: toggle,
    disable_duet: toggle,
    disable_stitch: toggle,
    video_cover_timestamp_ms: z.int().optional(),
    brand_content_toggle: toggle,
    brand_organic_toggle: toggle,
    is_aigc: toggle,
  }),
  source_info: z.object({
    source: z.literal('FILE_UPLOAD'),
    video_size: z.int(),
    chunk_size: z.int(),
    total_chunk_count: z.int(),
  }),
})

/** `POST /v2/post/publish/video/init/`: every accepted call is a post of its own, as TikTok has no idempotency key. */
export async function videoInit(world: World, call: Call): Promise<Reply> {
  const entry = await enter(world, call, { endpoint: 'videoInit', scopes: ['video.publish'], perMinute: 6 })
  if (entry.kind === 'refused') return entry.reply

  const { account } = entry
  const now = world.now()
  const parsed = initBody.safeParse(entry.body)
  if (!parsed.success) {
    return refuse(400, 'invalid_params', `${parsed.error.issues[0]?.path.join('.')} is invalid`, now)
  }
  const { post_info: post, source_info: source } = parsed.data
  const level = post.privacy_level ?? ''

  const stop = postingStop(world, account)
  if (stop) return refuse(403, stop, 'The creator can not post now.', now)
  if (!privacyOptions(account).includes(level)) {
    return refuse(403, 'privacy_level_option_mismatch', 'privacy_level is not among the options.', now)
  }
  // SELF_ONLY alone does not help an unaudited app: the account has to be private too.
  if (!world.knobs().audited && (!account.private || level !== 'SELF_ONLY')) {
    const guidelines = 'https://developers.tiktok.com/doc/content-sharing-guidelines/'
    const text = `Please review our integration guidelines at ${guidelines}`
    return refuse(403, 'unaudited_client_can_only_post_to_private_accounts', text, now)
  }
  const declared = {
    size: source.video_size,
    chunk: source.chunk_size,
    count: source.total_chunk_count,
  }
  const mistake = chunkMistake(declared, world.knobs().singleChunkLimit)
  if (mistake) return refuse(400, 'invalid_params', mistake, now)

  const publish = createPublish(world, account, {
    title: post.title ?? '',
    privacyLevel: level,
    isAigc: post.is_aigc ?? false,
    size: declared.size,
    chunkSize: declared.chunk,
    chunkCount: declared.count,
  })
  const query = `upload_id=${publish.uploadId}&upload_token=${publish.uploadToken}`
  return succeed({ publish_id: publish.publishId, upload_url: `${world.url()}/video/?${query}` }, now)
}

type Wanted = Pick<Publish, 'title' | 'privacyLevel' | 'isAigc' | 'size' | 'chunkSize' | 'chunkCount'>

function createPublish(world: World, account: Account, wanted: Wanted): Publish {
  const now = world.now()
  const { processingMs, moderationMs, uploadTtlSeconds } = world.knobs()
  const uploadId = snowflake(now)
  const publish: Publish = {
    ...wanted,
    publishId: `v_pub_file~v2-1.${uploadId}`,
    uploadId,
    uploadToken: randomUUID(),
    uploadExpiresAt: now + uploadTtlSeconds * 1000,
    openId: account.openId,
    received: 0,
    createdAt: now,
    processingMs,
    moderationMs,
    postIds: [],
  }
  world.book.put('publish', publish.publishId, publish)
  count(world, 'inits')
  return publish
}

/** TikTok's kind of id: the second in the upper 32 bits and chance below, 19 digits that no double can hold. */
export function snowflake(now: number): string {
  const seconds = BigInt(Math.floor(now / 1000))
  return String((seconds << 32n) | BigInt(randomBytes(4).readUInt32BE()))
}
