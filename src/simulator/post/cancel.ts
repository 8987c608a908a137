import { count } from '../counters.ts'
import { enter } from '../http/authorize-call.ts'
import type { Call } from '../http/call.ts'
import { type Reply, refuse, succeed } from '../http/reply.ts'
import type { World } from '../world.ts'
import { namedPublish } from './named-publish.ts'
import { progressOf } from './progress.ts'
import { keepPublish } from './publish.ts'

/** `POST /v2/post/publish/cancel/`: ends a download that is still under way, and nothing else. */
export async function cancel(world: World, call: Call): Promise<Reply> {
  const scopes = ['video.publish', 'video.upload']
  const entry = await enter(world, call, { endpoint: 'cancel', scopes })
  if (entry.kind === 'refused') return entry.reply
  const named = namedPublish(world, entry)
  if (named.kind === 'refused') return named.reply

  const now = world.now()
  const { publish } = named
  if (progressOf(publish, now).stage !== 'downloading') {
    return refuse(400, 'publish_not_cancellable', 'The post can no longer be cancelled.', now)
  }
  count(world, 'cancels')
  keepPublish(world, { ...publish, stopped: { at: now, reason: 'publish_cancelled' } })
  return succeed(undefined, now)
}
