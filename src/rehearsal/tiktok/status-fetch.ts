import { enter } from './gate.ts'
import { progressOf } from './progress.ts'
import { type Reply, refuse, succeed } from './reply.ts'
import { type Call, count, type World } from './world.ts'

/** `POST /v2/post/publish/status/fetch/`. Fields that do not apply are left out, as in live answers. */
export async function statusFetch(world: World, call: Call): Promise<Reply> {
  const scopes = ['video.publish', 'video.upload']
  const entry = await enter(world, call, { endpoint: 'statusFetch', scopes, perMinute: 30 })
  if (entry.kind === 'refused') return entry.reply

  const now = world.now()
  const { publish_id: publishId } = entry.body
  if (typeof publishId !== 'string') return refuse(400, 'invalid_params', 'publish_id is invalid', now)
  const publish = world.book.get('publish', publishId)
  if (!publish) return refuse(400, 'invalid_publish_id', 'The publish_id does not exist.', now)
  if (publish.openId !== entry.account.openId) {
    const code = 'token_not_authorized_for_specified_publish_id'
    return refuse(400, code, 'The publish_id belongs to another user.', now)
  }

  count(world, 'statusFetches')
  const { status, failReason, publicPostIds } = progressOf(publish, now)
  const ids = world.knobs().idsAsNumbers ? publicPostIds.map(BigInt) : publicPostIds
  return succeed(
    {
      status,
      ...(failReason && { fail_reason: failReason }),
      // TikTok's spelling.
      ...(ids.length > 0 && { publicaly_available_post_id: ids }),
      ...(status === 'PROCESSING_UPLOAD' && { uploaded_bytes: publish.received }),
    },
    now,
  )
}
