import { createHash } from 'node:crypto'
import { avatarUrl } from '../console/avatar.ts'
import { enter } from '../http/authorize-call.ts'
import { type Call, fieldsOf } from '../http/call.ts'
import { type Reply, refuse, succeed } from '../http/reply.ts'
import type { Account } from '../record.ts'
import type { World } from '../world.ts'
import { pick } from './pick.ts'
import { publicVideos } from './video.ts'

/** The scope that covers each field. Source: "get user info". */
const scopeOfField: Readonly<Record<string, string>> = {
  open_id: 'user.info.basic',
  union_id: 'user.info.basic',
  avatar_url: 'user.info.basic',
  avatar_url_100: 'user.info.basic',
  avatar_large_url: 'user.info.basic',
  display_name: 'user.info.basic',
  bio_description: 'user.info.profile',
  profile_deep_link: 'user.info.profile',
  is_verified: 'user.info.profile',
  username: 'user.info.profile',
  follower_count: 'user.info.stats',
  following_count: 'user.info.stats',
  likes_count: 'user.info.stats',
  video_count: 'user.info.stats',
}

/** `GET /v2/user/info/?fields=…`. One field that no scope covers fails the whole call, unless the knob leaves it out. */
export async function userInfo(world: World, call: Call): Promise<Reply> {
  const entry = await enter(world, call, { endpoint: 'userInfo', scopes: ['user.info.basic'] })
  if (entry.kind === 'refused') return entry.reply

  const now = world.now()
  const fields = fieldsOf(call)
  if (fields.length === 0) return refuse(400, 'invalid_params', 'fields is required in the query', now)
  const unknown = fields.find((field) => !(field in scopeOfField))
  if (unknown) return refuse(400, 'invalid_params', `${unknown} is not a field`, now)

  const covered = fields.filter((field) => entry.scopes.includes(scopeOfField[field] ?? ''))
  const { uncoveredFields } = world.knobs()
  if (covered.length < fields.length && uncoveredFields !== 'omit') {
    const status = uncoveredFields === 'scope_not_authorized' ? 401 : 400
    return refuse(status, uncoveredFields, 'The user did not authorize the scope required.', now)
  }
  return succeed({ user: pick(covered, userOf(world, entry.account)) }, now)
}

function userOf(world: World, account: Account) {
  const avatar = avatarUrl(world, account)
  const profile = `${world.url()}/@${account.username}`
  return {
    open_id: account.openId,
    union_id: createHash('sha256').update(account.openId).digest('base64url').slice(0, 36),
    avatar_url: avatar,
    avatar_url_100: avatar,
    avatar_large_url: avatar,
    display_name: account.nickname,
    bio_description: '',
    profile_deep_link: profile,
    is_verified: false,
    username: account.username,
    follower_count: 0,
    following_count: 0,
    likes_count: 0,
    video_count: publicVideos(world, account).length,
  }
}
