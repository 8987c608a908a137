/** What TikTok lets a creator choose from; which of them, `creator_info` says afresh each time. */
export type PrivacyLevel =
  | 'PUBLIC_TO_EVERYONE'
  | 'MUTUAL_FOLLOW_FRIENDS'
  | 'FOLLOWER_OF_CREATOR'
  | 'SELF_ONLY'

export interface CreatorInfo {
  readonly username: string
  readonly nickname: string
  /** Lives two hours at TikTok. */
  readonly avatarUrl?: string
  /** As TikTok lists them; a level that we do not know is kept, so that it can be shown. */
  readonly privacyLevelOptions: readonly string[]
  readonly commentDisabled: boolean
  readonly duetDisabled: boolean
  readonly stitchDisabled: boolean
  readonly maxDurationSeconds: number
}
