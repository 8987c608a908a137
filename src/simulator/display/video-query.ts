import { z } from 'zod'
import type { SimulatorContext } from '../context.ts'
import { authorizeCall } from '../http/authorize-call.ts'
import { type Call, fieldsOf } from '../http/call.ts'
import { type Reply, succeed } from '../http/reply.ts'
import { invalidParams } from '../post/source.ts'
import { pick, publicVideos, videoFields, videoFieldsRefusal } from './video.ts'

const queryBody = z.object({
  filters: z.object({ video_ids: z.array(z.string()).min(1).max(20) }),
})

/** `POST /v2/video/query/?fields=…`: the account's own public posts among at most 20 ids. */
export async function videoQuery(context: SimulatorContext, call: Call): Promise<Reply> {
  const authorization = await authorizeCall(context, call, { endpoint: 'videoQuery', scopes: ['video.list'] })
  if (authorization.kind === 'refused') return authorization.reply

  const now = context.now()
  const refusal = videoFieldsRefusal(call, now)
  if (refusal) return refusal
  const parsed = queryBody.safeParse(authorization.body)
  if (!parsed.success) return invalidParams(parsed.error, now)

  const wanted = parsed.data.filters.video_ids
  const videos = publicVideos(context, authorization.account).filter(({ id }) => wanted.includes(id))
  return succeed(
    {
      videos: videos.map((video) => pick(fieldsOf(call), videoFields(context, authorization.account, video))),
    },
    now,
  )
}
