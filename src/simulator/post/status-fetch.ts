import type { SimulatorContext } from '../context.ts'
import { count } from '../counters.ts'
import { authorizeCall } from '../http/authorize-call.ts'
import type { Call } from '../http/call.ts'
import { type Reply, succeed } from '../http/reply.ts'
import { findNamedPublish } from './named-publish.ts'
import { progressOf } from './progress.ts'

/** `POST /v2/post/publish/status/fetch/`. Fields that do not apply are omitted, as TikTok does. */
export async function statusFetch(context: SimulatorContext, call: Call): Promise<Reply> {
  const scopes = ['video.publish', 'video.upload']
  const authorization = await authorizeCall(context, call, { endpoint: 'statusFetch', scopes })
  if (authorization.kind === 'refused') return authorization.reply
  const named = findNamedPublish(context, authorization)
  if (named.kind === 'refused') return named.reply

  count(context, 'statusFetches')
  const { received } = named.publish
  const { status, failReason, publicPostIds } = progressOf(named.publish, context.now())
  const ids = context.settings().idsAsNumbers ? publicPostIds.map(BigInt) : publicPostIds
  return succeed(
    {
      status,
      ...(failReason && { fail_reason: failReason }),
      // TikTok's spelling.
      ...(ids.length > 0 && { publicaly_available_post_id: ids }),
      ...(status === 'PROCESSING_UPLOAD' && { uploaded_bytes: received }),
      ...(status === 'PROCESSING_DOWNLOAD' && { downloaded_bytes: received }),
    },
    context.now(),
  )
}
