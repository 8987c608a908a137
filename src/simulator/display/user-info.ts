import { createHash } from 'node:crypto'
import { avatarUrl } from '../console/avatar.ts'
import type { SimulatorContext } from '../context.ts'
import { authorizeCall } from '../http/authorize-call.ts'
import { type Call, fieldsOf } from '../http/call.ts'
import { type Reply, refuse, succeed } from '../http/reply.ts'
import type { Account } from '../record.ts'
import { pick, publicVideos } from './video.ts'

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

/** `GET /v2/user/info/?fields=…`. A field that no granted scope covers fails the call, unless the setting omits it. */
export async function userInfo(context: SimulatorContext, call: Call): Promise<Reply> {
  const authorization = await authorizeCall(context, call, {
    endpoint: 'userInfo',
    scopes: ['user.info.basic'],
  })
  if (authorization.kind === 'refused') return authorization.reply

  const now = context.now()
  const fields = fieldsOf(call)
  if (fields.length === 0) return refuse(400, 'invalid_params', 'fields is required in the query', now)
  const unknown = fields.find((field) => !(field in scopeOfField))
  if (unknown) return refuse(400, 'invalid_params', `${unknown} is not a field`, now)

  const covered = fields.filter((field) => authorization.scopes.includes(scopeOfField[field] ?? ''))
  const { uncoveredFields } = context.settings()
  if (covered.length < fields.length && uncoveredFields !== 'omit') {
    const status = uncoveredFields === 'scope_not_authorized' ? 401 : 400
    return refuse(status, uncoveredFields, 'The user did not authorize the scope required.', now)
  }
  return succeed({ user: pick(covered, userOf(context, authorization.account)) }, now)
}

function userOf(context: SimulatorContext, account: Account) {
  const avatar = avatarUrl(context, account)
  const profile = `${context.url()}/@${account.username}`
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
    video_count: publicVideos(context, account).length,
  }
}
