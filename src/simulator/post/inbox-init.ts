import { z } from 'zod'
import type { SimulatorContext } from '../context.ts'
import { count } from '../counters.ts'
import { enter } from '../http/authorize-call.ts'
import type { Call } from '../http/call.ts'
import type { Reply } from '../http/reply.ts'
import { createPublish } from './publish.ts'
import { draftRefusal } from './rule.ts'
import { invalidParams, sourceFields, sourceRefusal, started, videoSource } from './source.ts'

// No `post_info` is documented, and of one that is sent at most the title is kept.
const initBody = z.object({
  post_info: z.object({ title: z.string().max(2200).optional() }).optional(),
  source_info: videoSource,
})

/** `POST /v2/post/publish/inbox/video/init/`: a draft, which the user finds in their inbox and posts, or does not. */
export async function inboxInit(context: SimulatorContext, call: Call): Promise<Reply> {
  const entry = await enter(context, call, { endpoint: 'inboxInit', scopes: ['video.upload'] })
  if (entry.kind === 'refused') return entry.reply
  const parsed = initBody.safeParse(entry.body)
  if (!parsed.success) return invalidParams(parsed.error, context.now())

  const { post_info: post, source_info: source } = parsed.data
  const refusal = draftRefusal(context, entry.account) ?? sourceRefusal(context, source)
  if (refusal) return refusal

  count(context, 'inboxInits')
  const publish = createPublish(context, entry.account, {
    mode: 'draft',
    media: 'video',
    title: post?.title ?? '',
    privacyLevel: '',
    isAigc: false,
    ...sourceFields(source),
  })
  return started(context, publish)
}
