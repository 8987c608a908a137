import type { ColumnType } from 'kysely'
import type { Defaulted, DefaultedTimestamp, Json, NullableTimestamp, Timestamp } from '../columns.ts'

/** `beforeReview`: by previews, when the plan is submitted. `afterApproval`: by the jobs of the slots. */
export type PlanRendering = 'afterApproval' | 'beforeReview'

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
  rendering: Defaulted<PlanRendering>
  approved_at: NullableTimestamp
  created_at: DefaultedTimestamp
  updated_at: DefaultedTimestamp
}

export type Privacy = 'PUBLIC_TO_EVERYONE' | 'MUTUAL_FOLLOW_FRIENDS' | 'FOLLOWER_OF_CREATOR' | 'SELF_ONLY'

/** `direct` posts the video; `draft` puts it into the creator's inbox. */
export type SlotMode = 'direct' | 'draft'

export interface SlotTable {
  id: string
  organization_id: string
  plan_id: string
  wall_time: string
  publish_at: Timestamp
  tzdata_version: Defaulted<string>
  storyboard: Json | null
  media_id: Defaulted<string | null>
  mode: Defaulted<SlotMode>
  caption: string
  privacy: Privacy | null
  allow_comment: Defaulted<boolean>
  allow_duet: Defaulted<boolean>
  allow_stitch: Defaulted<boolean>
  brand_content: Defaulted<boolean>
  brand_organic: Defaulted<boolean>
  is_aigc: Defaulted<boolean | null>
  cover_timestamp_ms: Defaulted<number | null>
  claimed_at: NullableTimestamp
  approved_hash: Defaulted<string | null>
  created_at: DefaultedTimestamp
  updated_at: DefaultedTimestamp
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
  /** The shortage, for the decision `QUOTA_EXCEEDED` only. */
  shortage: ColumnType<object | null, string | null | undefined, never>
  created_at: DefaultedTimestamp
}
