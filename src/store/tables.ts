import type { ColumnType, Generated, GeneratedAlways, JSONColumnType } from 'kysely'

/** A column that the database fills in when it is left out. */
type Defaulted<T> = ColumnType<T, T | undefined, T>
type Timestamp = ColumnType<Date, Date | string, Date | string>
type DefaultedTimestamp = ColumnType<Date, Date | string | undefined, Date | string>
type NullableTimestamp = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
type Json = JSONColumnType<object>

export interface OrganizationTable {
  id: string
  name: string
  time_zone: Defaulted<string>
  created_at: DefaultedTimestamp
  updated_at: DefaultedTimestamp
}

export interface ApiKeyTable {
  id: string
  organization_id: string
  name: string
  hash: Buffer
  scopes: string[]
  created_at: DefaultedTimestamp
  last_used_at: NullableTimestamp
  revoked_at: NullableTimestamp
}

export interface EventHeadTable {
  organization_id: string
  sequence: Generated<number>
}

export interface EventTable {
  organization_id: string
  sequence: number
  type: string
  plan_id: string | null
  slot_id: string | null
  account_id: string | null
  job_id: string | null
  job_revision: number | null
  payload: Json
  at: DefaultedTimestamp
}

/** What a creator allows, as TikTok said last. */
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
  creator_seen_at: NullableTimestamp
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

export interface WebhookDeliveryTable {
  key: string
  event: string
  open_id: string | null
  publish_id: string | null
  news: Json
  signed_at: Timestamp
  received_at: DefaultedTimestamp
  handled_at: NullableTimestamp
  outcome: string | null
  failed_at: NullableTimestamp
  failure: string | null
}

export interface UnrecognisedCodeTable {
  organization_id: string
  source: string
  code: string
  seen: Defaulted<number>
  last_log_id: string | null
  first_seen_at: DefaultedTimestamp
  last_seen_at: DefaultedTimestamp
}

export interface PlanTable {
  id: string
  organization_id: string
  account_id: string
  name: string
  time_zone: string
  state: 'draft' | 'inReview' | 'approved' | 'archived'
  revision: number
  autopilot: Defaulted<boolean>
  locked: Defaulted<boolean>
  approved_at: NullableTimestamp
  created_at: DefaultedTimestamp
  updated_at: DefaultedTimestamp
}

export type Privacy = 'PUBLIC_TO_EVERYONE' | 'MUTUAL_FOLLOW_FRIENDS' | 'FOLLOWER_OF_CREATOR' | 'SELF_ONLY'

/** Posted as it is, or put as a draft into the creator's inbox. */
export type SlotMode = 'direct' | 'draft'

export interface SlotTable {
  id: string
  organization_id: string
  plan_id: string
  wall_time: string
  publish_at: Timestamp
  tzdata_version: Defaulted<string>
  storyboard: Json
  mode: Defaulted<SlotMode>
  caption: string
  privacy: Privacy | null
  allow_comment: Defaulted<boolean>
  allow_duet: Defaulted<boolean>
  allow_stitch: Defaulted<boolean>
  brand_content: Defaulted<boolean>
  brand_organic: Defaulted<boolean>
  is_aigc: Defaulted<boolean>
  claimed_at: NullableTimestamp
  approved_hash: Defaulted<string | null>
  created_at: DefaultedTimestamp
  updated_at: DefaultedTimestamp
}

/** Whether a scan has started a job, or a person. */
export type StartedBy = 'scan' | 'person'

export interface MachineInstanceTable {
  id: string
  organization_id: string
  slot_id: string | null
  account_id: string | null
  machine: string
  version: number
  state: string
  tag: 'working' | 'waiting' | 'resting' | 'settled' | 'final'
  context: Json
  step: ColumnType<object | null, string | null, string | null>
  timers: Json
  revision: number
  wake_at: NullableTimestamp
  /** How many workers have taken up the pending step; while it is 0 nobody can have begun it. */
  tries: Generated<number>
  lease_epoch: Generated<number>
  lease_owner: string | null
  lease_until: NullableTimestamp
  job_key: string | null
  started_by: Defaulted<StartedBy | null>
  created_at: DefaultedTimestamp
  updated_at: DefaultedTimestamp
}

export interface DeadLetterTable {
  id: Defaulted<string>
  organization_id: string
  job_id: string
  job_revision: number
  state: string
  code: string
  message: string
  tries: number
  created_at: DefaultedTimestamp
  redriven_at: NullableTimestamp
  redrive_reason: string | null
  redriven_by: string | null
}

export interface MediaTable {
  organization_id: string
  sha256: string
  bytes: number
  seconds: number
  width: number
  height: number
  content_type: string
  created_at: DefaultedTimestamp
}

export type ScanReason = 'hourly' | 'boot' | 'approval' | 'request' | 'quota' | 'account'
export type ScanVerdict =
  | 'ENQUEUED'
  | 'NOT_APPROVED'
  | 'AUTOPILOT_OFF'
  | 'PLAN_LOCKED'
  | 'TOO_LATE'
  | 'ACCOUNT_UNHEALTHY'
  | 'QUOTA_EXCEEDED'

export interface ScanTable {
  id: string
  organization_id: string
  reason: ScanReason
  window_end: Timestamp
  considered: number
  started_jobs: number
  created_at: DefaultedTimestamp
}

export interface ScanDecisionTable {
  organization_id: string
  scan_id: string
  slot_id: string
  decision: ScanVerdict
  /** What was short, with the numbers; null of every other decision. */
  shortage: ColumnType<object | null, string | null | undefined, never>
  created_at: DefaultedTimestamp
}

/** `providerSpend` is in millionths of a currency unit; `seconds` are of rendered video, each video rounded up. */
export type Metric = 'videos' | 'seconds' | 'uploads' | 'storageBytes' | 'providerSpend'

/** All time, the organization's own day or month, or whatever lies within a sliding span of seconds. */
export type QuotaPeriod = 'total' | 'day' | 'month' | 'rolling'

export interface QuotaLimitTable {
  organization_id: string
  metric: Metric
  period: QuotaPeriod
  span_seconds: number | null
  amount: number
  is_hard: boolean
  created_at: DefaultedTimestamp
  updated_at: DefaultedTimestamp
}

/** A pot: one instance of a period, or one grant that begins and ends. */
export interface QuotaTable {
  id: Defaulted<string>
  organization_id: string
  metric: Metric
  period: QuotaPeriod
  starts_at: NullableTimestamp
  ends_at: NullableTimestamp
  is_grant: Defaulted<boolean>
  is_hard: Defaulted<boolean>
  allowance: Defaulted<number>
  reserved: Defaulted<number>
  used: Defaulted<number>
  granted: GeneratedAlways<number>
  available: GeneratedAlways<number>
  told_percent: Defaulted<number>
  told_at: NullableTimestamp
  window_from: NullableTimestamp
  updated_at: DefaultedTimestamp
}

export type QuotaEntryKind = 'grant' | 'limit' | 'adjust' | 'reserve' | 'commit' | 'release' | 'use'

export interface QuotaEntryTable {
  id: Defaulted<string>
  organization_id: string
  metric: Metric
  period: QuotaPeriod
  quota_id: string
  kind: QuotaEntryKind
  amount: number
  balance: number
  job_id: string | null
  settles: string | null
  key: string | null
  reason: string | null
  counted_at: Timestamp
  created_at: DefaultedTimestamp
}

export interface IdempotencyKeyTable {
  organization_id: string
  key: string
  fingerprint: Buffer
  answer: ColumnType<object | null, string | null, string | null>
  shown: string | null
  shown_to: Buffer | null
  created_at: DefaultedTimestamp
  expires_at: Timestamp
}

/** The breaker machine's checkpoint; it performs no steps. */
export interface CircuitBreakerTable {
  key: string
  organization_id: string | null
  account_id: string | null
  version: number
  state: string
  tag: 'waiting' | 'resting'
  context: Json
  timers: Json
  retry_budget: ColumnType<{ units: number; at: number } | null, string | null | undefined, string | null>
  revision: number
  created_at: DefaultedTimestamp
  updated_at: DefaultedTimestamp
}

/** The tables of the schema as Kysely sees them; `migrations/` is where they come from. */
export interface Database {
  organization: OrganizationTable
  api_key: ApiKeyTable
  event_head: EventHeadTable
  event: EventTable
  account: AccountTable
  connection_attempt: ConnectionAttemptTable
  webhook_delivery: WebhookDeliveryTable
  unrecognised_code: UnrecognisedCodeTable
  plan: PlanTable
  slot: SlotTable
  machine_instance: MachineInstanceTable
  dead_letter: DeadLetterTable
  media: MediaTable
  scan: ScanTable
  scan_decision: ScanDecisionTable
  quota_limit: QuotaLimitTable
  quota: QuotaTable
  quota_entry: QuotaEntryTable
  idempotency_key: IdempotencyKeyTable
  circuit_breaker: CircuitBreakerTable
}
