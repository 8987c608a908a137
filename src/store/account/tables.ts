import type { Generated, JSONColumnType } from 'kysely'
import type { DefaultedTimestamp, NullableTimestamp, Timestamp } from '../columns.ts'

/** What a creator allows, as TikTok reported it last. */
export interface CreatorSettings {
  readonly privacyLevelOptions: readonly string[]
  readonly commentDisabled: boolean
  readonly duetDisabled: boolean
  readonly stitchDisabled: boolean
  readonly maxDurationSeconds: number
}

/** The account machine's checkpoint is in `machine_instance`, under the account's own id. */
export interface AccountTable {
  id: string
  organization_id: string
  open_id: string | null
  username: string | null
  display_name: string | null
  scopes: string[]
  access_token_sealed: string | null
  refresh_token_sealed: string | null
  access_expires_at: NullableTimestamp
  refresh_expires_at: NullableTimestamp
  access_lifetime_seconds: number | null
  token_version: Generated<number>
  presented_version: Generated<number>
  presented_at: NullableTimestamp
  creator: JSONColumnType<CreatorSettings | object> | null
  creator_fetched_at: NullableTimestamp
  last_post_at: NullableTimestamp
  last_post_job: string | null
  created_at: DefaultedTimestamp
  updated_at: DefaultedTimestamp
}

export interface ConnectionAttemptTable {
  id: string
  organization_id: string
  account_id: string
  state_hash: Buffer
  verifier_sealed: string
  redirect_uri: string
  scopes: string[]
  created_at: DefaultedTimestamp
  expires_at: Timestamp
  used_at: NullableTimestamp
}
