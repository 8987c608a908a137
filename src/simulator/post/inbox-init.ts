import { z } from 'zod'
import type { SimulatorContext } from '../context.ts'
import { count } from '../counters.ts'
import { authorizeCall } from '../http/authorize-call.ts'
import type { Call } from '../http/call.ts'
import type { Reply } from '../http/reply.ts'
import { draftRefusal } from './init-rules.ts'
import { createPublish } from './publish.ts'
import { initReply, invalidParams, sourceFields, sourceRefusal, videoSource } from './source.ts'

// `post_info` is not documented here. If it is sent, only its title is kept.
const initBody = z.object({
  post_info: z.object({ title: z.string().max(2200).optional() }).optional(),
  source_info: videoSource,
})

/** `POST /v2/post/publish/inbox/video/init/`: creates a draft in the user's inbox. */
export async function inboxInit(context: SimulatorContext, call: Call): Promise<Reply> {
  const authorization = await authorizeCall(context, call, {
    endpoint: 'inboxInit',
    scopes: ['video.upload'],
  })
  if (authorization.kind === 'refused') return authorization.reply
  const parsed = initBody.safeParse(authorization.body)
  if (!parsed.success) return invalidParams(parsed.error, context.now())

  const { post_info: post, source_info: source } = parsed.data
  const refusal = draftRefusal(context, authorization.account) ?? sourceRefusal(context, source)
  if (refusal) return refusal

  count(context, 'inboxInits')
  const publish = createPublish(context, authorization.account, {
    mode: 'draft',
    media: 'video',
    title: post?.title ?? '',
    privacyLevel: '',
    isAigc: false,
    ...sourceFields(source),
  })
  return initReply(context, publish)
}
