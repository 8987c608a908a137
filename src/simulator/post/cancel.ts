import type { SimulatorContext } from '../context.ts'
import { count } from '../counters.ts'
import { enter } from '../http/authorize-call.ts'
import type { Call } from '../http/call.ts'
import { type Reply, refuse, succeed } from '../http/reply.ts'
import { namedPublish } from './named-publish.ts'
import { progressOf } from './progress.ts'
import { keepPublish } from './publish-record.ts'

/** `POST /v2/post/publish/cancel/`: ends a download that is still under way, and nothing else. */
export async function cancel(context: SimulatorContext, call: Call): Promise<Reply> {
  const scopes = ['video.publish', 'video.upload']
  const entry = await enter(context, call, { endpoint: 'cancel', scopes })
  if (entry.kind === 'refused') return entry.reply
  const named = namedPublish(context, entry)
  if (named.kind === 'refused') return named.reply

  const now = context.now()
  const { publish } = named
  if (progressOf(publish, now).stage !== 'downloading') {
    return refuse(400, 'publish_not_cancellable', 'The post can no longer be cancelled.', now)
  }
  count(context, 'cancels')
  keepPublish(context, { ...publish, stopped: { at: now, reason: 'publish_cancelled' } })
  return succeed(undefined, now)
}
