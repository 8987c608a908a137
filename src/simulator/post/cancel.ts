import type { SimulatorContext } from '../context.ts'
import { count } from '../counters.ts'
import { authorizeCall } from '../http/authorize-call.ts'
import type { Call } from '../http/call.ts'
import { type Reply, refuse, succeed } from '../http/reply.ts'
import { findNamedPublish } from './named-publish.ts'
import { progressOf } from './progress.ts'
import { savePublish } from './publish-record.ts'

/** `POST /v2/post/publish/cancel/`: cancels a running download and nothing else. */
export async function cancel(context: SimulatorContext, call: Call): Promise<Reply> {
  const scopes = ['video.publish', 'video.upload']
  const authorization = await authorizeCall(context, call, { endpoint: 'cancel', scopes })
  if (authorization.kind === 'refused') return authorization.reply
  const named = findNamedPublish(context, authorization)
  if (named.kind === 'refused') return named.reply

  const now = context.now()
  const { publish } = named
  if (progressOf(publish, now).stage !== 'downloading') {
    return refuse(400, 'publish_not_cancellable', 'The post can no longer be cancelled.', now)
  }
  count(context, 'cancels')
  savePublish(context, { ...publish, stopped: { at: now, reason: 'publish_cancelled' } })
  return succeed(undefined, now)
}
