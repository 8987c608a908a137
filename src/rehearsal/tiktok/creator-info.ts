import { privacyOptions } from './account.ts'
import { enter } from './gate.ts'
import { postingStop } from './posting-cap.ts'
import { type Reply, refuse, succeed } from './reply.ts'
import type { Call, World } from './world.ts'

/** `POST /v2/post/publish/creator_info/query/`. A creator who may not post is told so with status 200. */
export async function creatorInfo(world: World, call: Call): Promise<Reply> {
  const entry = await enter(world, call, {
    endpoint: 'creatorInfo',
    scopes: ['video.publish'],
    perMinute: 20,
  })
  if (entry.kind === 'refused') return entry.reply

  const { account } = entry
  const stop = postingStop(world, account)
  if (stop) return refuse(200, stop, 'The creator can not post now.', world.now())

  return succeed(
    {
      creator_avatar_url: `${world.url()}/__local/avatar/${account.username}.svg`,
      creator_username: account.username,
      creator_nickname: account.nickname,
      privacy_level_options: privacyOptions(account),
      comment_disabled: account.commentDisabled,
      duet_disabled: account.duetDisabled,
      stitch_disabled: account.stitchDisabled,
      max_video_post_duration_sec: account.maxDurationSeconds,
    },
    world.now(),
  )
}
