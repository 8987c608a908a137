import { z } from 'zod'
import type { SimulatorContext } from '../context.ts'
import { count } from '../counters.ts'
import { authorizeCall } from '../http/authorize-call.ts'
import type { Call } from '../http/call.ts'
import { type Reply, refuse } from '../http/reply.ts'
import type { Account } from '../record.ts'
import { directRefusal, draftRefusal } from './init-rules.ts'
import { createPublish } from './publish.ts'
import { pullUrlRefusal } from './pull-url.ts'
import { initReply, invalidParams } from './source.ts'

const toggle = z.boolean().optional()

const initBody = z.object({
  media_type: z.literal('PHOTO'),
  post_mode: z.enum(['DIRECT_POST', 'MEDIA_UPLOAD']),
  is_aigc: toggle,
  post_info: z
    .object({
      title: z.string().max(90).optional(),
      description: z.string().max(4000).optional(),
      privacy_level: z.string().optional(),
      disable_comment: toggle,
      auto_add_music: toggle,
      brand_content_toggle: toggle,
      brand_organic_toggle: toggle,
    })
    .optional(),
  source_info: z
    .object({
      source: z.literal('PULL_FROM_URL'),
      photo_images: z.array(z.string()).min(1).max(35),
      photo_cover_index: z.int().min(0),
    })
    .refine((source) => source.photo_cover_index < source.photo_images.length, {
      path: ['photo_cover_index'],
    }),
})

type PhotoInit = z.infer<typeof initBody>

/** `POST /v2/post/publish/content/init/`: creates a photo post or a photo draft, from URLs only. */
export async function photoInit(context: SimulatorContext, call: Call): Promise<Reply> {
  const authorization = await authorizeCall(context, call, {
    endpoint: 'photoInit',
    // Each mode has its own scope. An unknown mode is refused later as invalid.
    scopes: ({ post_mode: mode }) =>
      mode === 'DIRECT_POST'
        ? ['video.publish']
        : mode === 'MEDIA_UPLOAD'
          ? ['video.upload']
          : ['video.publish', 'video.upload'],
  })
  if (authorization.kind === 'refused') return authorization.reply
  const parsed = initBody.safeParse(authorization.body)
  if (!parsed.success) return invalidParams(parsed.error, context.now())

  const refusal = refusalOf(context, authorization.account, parsed.data)
  if (refusal) return refusal

  const { post_mode: mode, post_info: post, source_info: source } = parsed.data
  const isDirect = mode === 'DIRECT_POST'
  count(context, 'photoInits')
  const publish = createPublish(context, authorization.account, {
    mode: isDirect ? 'direct' : 'draft',
    media: 'photo',
    title: post?.title ?? '',
    description: post?.description ?? '',
    privacyLevel: isDirect ? (post?.privacy_level ?? '') : '',
    isAigc: parsed.data.is_aigc ?? false,
    size: 0,
    chunkSize: 0,
    chunkCount: 0,
    urls: source.photo_images,
  })
  return initReply(context, publish)
}

function refusalOf(context: SimulatorContext, account: Account, wanted: PhotoInit): Reply | undefined {
  const now = context.now()
  const isDraft = wanted.post_mode === 'MEDIA_UPLOAD'
  const refusal = isDraft
    ? draftRefusal(context, account)
    : directRefusal(context, account, wanted.post_info?.privacy_level ?? '')
  if (refusal) return refusal
  if (isDraft && account.oldApp) {
    return refuse(400, 'app_version_check_failed', "The user's TikTok app is older than 31.8.", now)
  }
  return wanted.source_info.photo_images
    .map((url) => pullUrlRefusal(context.app(), url, now))
    .find((reply) => reply !== undefined)
}
