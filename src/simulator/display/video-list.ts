import type { SimulatorContext } from '../context.ts'
import { authorizeCall } from '../http/authorize-call.ts'
import { type Call, fieldsOf } from '../http/call.ts'
import { type Reply, refuse, succeed } from '../http/reply.ts'
import { pick, publicVideos, videoFields, videoFieldsRefusal } from './video.ts'

/** `POST /v2/video/list/?fields=…`: the public posts of an account, newest first. Cursor in milliseconds, times in seconds. */
export async function videoList(context: SimulatorContext, call: Call): Promise<Reply> {
  const authorization = await authorizeCall(context, call, { endpoint: 'videoList', scopes: ['video.list'] })
  if (authorization.kind === 'refused') return authorization.reply

  const now = context.now()
  const refusal = videoFieldsRefusal(call, now)
  if (refusal) return refusal
  const { cursor = now + 1, max_count: maxCount = 10 } = authorization.body
  if (typeof cursor !== 'number' || typeof maxCount !== 'number' || maxCount < 1 || maxCount > 20) {
    return refuse(400, 'invalid_params', 'cursor or max_count is invalid', now)
  }

  const videos = publicVideos(context, authorization.account).filter(({ at }) => at < cursor)
  const page = videos.slice(0, maxCount)
  return succeed(
    {
      videos: page.map((video) => pick(fieldsOf(call), videoFields(context, authorization.account, video))),
      cursor: page.at(-1)?.at ?? cursor,
      has_more: videos.length > page.length,
    },
    now,
  )
}
