import { z } from 'zod'
import type { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify, envelope } from '../http/classify.ts'
import { exchange, type Upstream } from '../http/upstream.ts'

export interface UserInfo {
  /** The user's id, which is specific to this app. */
  readonly openId: string
  /** The user's id, which all apps of this developer share. */
  readonly unionId: string
  readonly avatarUrl: string
  readonly displayName: string
  readonly bioDescription: string
  readonly profileDeepLink: string
  readonly isVerified: boolean
  /** The handle, without the @. */
  readonly username: string
  readonly followerCount: number
  readonly followingCount: number
  readonly likesCount: number
  readonly videoCount: number
}

export type UserField = keyof UserInfo

/** Each field's name at TikTok, and the scope that it requires. Source: Display API, get user info. */
const fieldOf = {
  openId: ['open_id', 'user.info.basic'],
  unionId: ['union_id', 'user.info.basic'],
  avatarUrl: ['avatar_url', 'user.info.basic'],
  displayName: ['display_name', 'user.info.basic'],
  bioDescription: ['bio_description', 'user.info.profile'],
  profileDeepLink: ['profile_deep_link', 'user.info.profile'],
  isVerified: ['is_verified', 'user.info.profile'],
  username: ['username', 'user.info.profile'],
  followerCount: ['follower_count', 'user.info.stats'],
  followingCount: ['following_count', 'user.info.stats'],
  likesCount: ['likes_count', 'user.info.stats'],
  videoCount: ['video_count', 'user.info.stats'],
} as const satisfies Readonly<Record<UserField, readonly [string, string]>>

const allFields = Object.keys(fieldOf) as UserField[] // `Object.keys` types them as string.

/** The fields that these scopes permit. Request no others: one field too many may fail the whole call. */
export function userFieldsOf(scopes: readonly string[]): readonly UserField[] {
  return allFields.filter((field) => scopes.includes(fieldOf[field][1]))
}

const text = z.string().optional().catch(undefined)
const count = z.number().optional().catch(undefined)

const success = envelope(
  z.object({
    user: z.object({
      open_id: text,
      union_id: text,
      avatar_url: text,
      display_name: text,
      bio_description: text,
      profile_deep_link: text,
      is_verified: z.boolean().optional().catch(undefined),
      username: text,
      follower_count: count,
      following_count: count,
      likes_count: count,
      video_count: count,
    }),
  }),
)

/** TikTok: `GET /v2/user/info/?fields=…`. A field that TikTok omits, or sends with another type, is omitted. */
export async function userInfo(
  api: Upstream,
  accessToken: Secret,
  fields: readonly UserField[],
  signal?: AbortSignal,
): Promise<Answer<{ readonly user: Partial<UserInfo> }>> {
  const query = new URLSearchParams({ fields: fields.map((field) => fieldOf[field][0]).join(',') })
  const answer = classify(
    await exchange(
      api,
      `${api.base}/v2/user/info/?${query}`,
      { headers: { authorization: `Bearer ${accessToken.reveal()}` } },
      signal,
    ),
    success,
  )
  if (answer.kind !== 'ok') return answer

  const { user } = answer.body.data
  const entries = allFields.flatMap((field) => {
    const value = user[fieldOf[field][0]]
    return value === undefined ? [] : [[field, value] as const]
  })
  // The schema has checked each value's type for its field.
  return { kind: 'ok', user: Object.fromEntries(entries) as Partial<UserInfo> }
}
