import { privacyOptions } from '../account.ts'
import { avatarUrl } from '../console/avatar.ts'
import type { SimulatorContext } from '../context.ts'
import { authorizeCall } from '../http/authorize-call.ts'
import type { Call } from '../http/call.ts'
import { type Reply, refuse, succeed } from '../http/reply.ts'
import { directPostViolation } from './creator-rules.ts'

/** `POST /v2/post/publish/creator_info/query/`. A creator who may not post gets a refusal with status 200. */
export async function creatorInfo(context: SimulatorContext, call: Call): Promise<Reply> {
  const authorization = await authorizeCall(context, call, {
    endpoint: 'creatorInfo',
    scopes: ['video.publish'],
  })
  if (authorization.kind === 'refused') return authorization.reply

  const { account } = authorization
  const code = directPostViolation(context, account)
  if (code) return refuse(200, code, 'The creator can not post now.', context.now())

  return succeed(
    {
      creator_avatar_url: avatarUrl(context, account),
      creator_username: account.username,
      creator_nickname: account.nickname,
      privacy_level_options: privacyOptions(account),
      comment_disabled: account.commentDisabled,
      duet_disabled: account.duetDisabled,
      stitch_disabled: account.stitchDisabled,
      max_video_post_duration_sec: account.maxDurationSeconds,
    },
    context.now(),
  )
}
