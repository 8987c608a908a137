import { z } from 'zod'
import type { SimulatorContext } from '../context.ts'
import { authorizeCall } from '../http/authorize-call.ts'
import type { Call } from '../http/call.ts'
import type { Reply } from '../http/reply.ts'
import { directRefusal } from './init-rules.ts'
import { createPublish } from './publish.ts'
import { initReply, invalidParams, sourceFields, sourceRefusal, videoSource } from './source.ts'

const toggle = z.boolean().optional()

const initBody = z.object({
  post_info: z.object({
    title: z.string().max(2200).optional(),
    privacy_level: z.string().optional(),
    disable_comment: toggle,
    disable_duet: toggle,
    disable_stitch: toggle,
    video_cover_timestamp_ms: z.int32().optional(),
    brand_content_toggle: toggle,
    brand_organic_toggle: toggle,
    is_aigc: toggle,
  }),
  source_info: videoSource,
})

/** `POST /v2/post/publish/video/init/`: every accepted call is a post of its own, as TikTok has no idempotency key. */
export async function videoInit(context: SimulatorContext, call: Call): Promise<Reply> {
  const authorization = await authorizeCall(context, call, {
    endpoint: 'videoInit',
    scopes: ['video.publish'],
  })
  if (authorization.kind === 'refused') return authorization.reply
  const parsed = initBody.safeParse(authorization.body)
  if (!parsed.success) return invalidParams(parsed.error, context.now())

  const { post_info: post, source_info: source } = parsed.data
  const privacyLevel = post.privacy_level ?? ''
  const refusal =
    directRefusal(context, authorization.account, privacyLevel) ?? sourceRefusal(context, source)
  if (refusal) return refusal

  const publish = createPublish(context, authorization.account, {
    mode: 'direct',
    media: 'video',
    title: post.title ?? '',
    privacyLevel,
    isAigc: post.is_aigc ?? false,
    coverTimestampMs: Math.max(0, post.video_cover_timestamp_ms ?? 0),
    ...sourceFields(source),
  })
  return initReply(context, publish)
}
