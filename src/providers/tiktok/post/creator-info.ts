import { z } from 'zod'
import type { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify, envelope } from '../http/classify.ts'
import { postJson } from '../http/post-json.ts'
import type { Upstream } from '../http/upstream.ts'

/** The privacy levels that TikTok has. `creator_info` lists those that a creator may choose from. */
export type PrivacyLevel =
  | 'PUBLIC_TO_EVERYONE'
  | 'MUTUAL_FOLLOW_FRIENDS'
  | 'FOLLOWER_OF_CREATOR'
  | 'SELF_ONLY'

export interface CreatorInfo {
  readonly username: string
  readonly nickname: string
  /** The URL expires after two hours. */
  readonly avatarUrl?: string
  /** As TikTok lists them. An unknown level is kept, so that it can be shown. */
  readonly privacyLevelOptions: readonly string[]
  readonly commentDisabled: boolean
  readonly duetDisabled: boolean
  readonly stitchDisabled: boolean
  readonly maxDurationSeconds: number
}

const success = envelope(
  z.object({
    creator_username: z.string(),
    creator_nickname: z.string(),
    creator_avatar_url: z.string().optional(),
    privacy_level_options: z.array(z.string()),
    comment_disabled: z.boolean(),
    duet_disabled: z.boolean(),
    stitch_disabled: z.boolean(),
    max_video_post_duration_sec: z.number(),
  }),
)

/** TikTok: `POST /v2/post/publish/creator_info/query/`. Spam and cap codes arrive as `refused` with HTTP status 200. */
export async function creatorInfo(
  api: Upstream,
  accessToken: Secret,
  signal?: AbortSignal,
): Promise<Answer<{ readonly creator: CreatorInfo }>> {
  const answer = classify(
    await postJson(api, '/v2/post/publish/creator_info/query/', accessToken, {}, signal),
    success,
  )
  if (answer.kind !== 'ok') return answer

  const { data } = answer.body
  return {
    kind: 'ok',
    creator: {
      username: data.creator_username,
      nickname: data.creator_nickname,
      ...(data.creator_avatar_url && { avatarUrl: data.creator_avatar_url }),
      privacyLevelOptions: data.privacy_level_options,
      commentDisabled: data.comment_disabled,
      duetDisabled: data.duet_disabled,
      stitchDisabled: data.stitch_disabled,
      maxDurationSeconds: data.max_video_post_duration_sec,
    },
  }
}
