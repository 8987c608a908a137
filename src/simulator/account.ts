import { randomBytes } from 'node:crypto'
import { findAccount, type SimulatorDependencies } from './dependencies.ts'
import type { Account } from './record.ts'

export interface NewAccount {
  readonly username: string
  readonly nickname?: string
  readonly private?: boolean
  readonly commentDisabled?: boolean
  readonly duetDisabled?: boolean
  readonly stitchDisabled?: boolean
  readonly maxDurationSeconds?: number
  readonly banned?: boolean
  /** The creator's TikTok app is too old for photo drafts. */
  readonly oldApp?: boolean
}

export function isUsername(text: string): boolean {
  return /^[\w.]{2,24}$/.test(text)
}

/** Creates an account, or replaces the one of that name under the same open id. */
export function putAccount(dependencies: SimulatorDependencies, wanted: NewAccount): Account {
  const isPrivate = wanted.private ?? false
  const account: Account = {
    openId:
      findAccount(dependencies, wanted.username)?.openId ?? `-000${randomBytes(16).toString('base64url')}`,
    username: wanted.username,
    nickname: wanted.nickname ?? wanted.username,
    private: isPrivate,
    commentDisabled: wanted.commentDisabled ?? false,
    // TikTok disables both for a private account.
    duetDisabled: isPrivate || (wanted.duetDisabled ?? false),
    stitchDisabled: isPrivate || (wanted.stitchDisabled ?? false),
    maxDurationSeconds: wanted.maxDurationSeconds ?? dependencies.settings().maxDurationSeconds,
    banned: wanted.banned ?? false,
    oldApp: wanted.oldApp ?? false,
  }
  dependencies.recordStore.put('account', account.openId, account)
  return account
}

/** The options that `creator_info` offers. TikTok offers public posts to unaudited apps, too, and refuses them at init. */
export function privacyOptions(account: Account): readonly string[] {
  return [
    account.private ? 'FOLLOWER_OF_CREATOR' : 'PUBLIC_TO_EVERYONE',
    'MUTUAL_FOLLOW_FRIENDS',
    'SELF_ONLY',
  ]
}
