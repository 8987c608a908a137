import type { GeneratedAlways } from 'kysely'
import type { Defaulted, DefaultedTimestamp, NullableTimestamp, Timestamp } from '../columns.ts'

/** `providerSpend` is in millionths of a currency unit; `seconds` are of rendered video, each video rounded up. */
export type Metric = 'videos' | 'seconds' | 'uploads' | 'storageBytes' | 'providerSpend'

/** All time, a day or month in the organization's time zone, or a sliding window. */
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

/** A balance: one instance of a period, or one grant with bounds. */
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
  notified_threshold: Defaulted<number>
  notified_at: NullableTimestamp
  window_start: NullableTimestamp
  updated_at: DefaultedTimestamp
}

export type QuotaEntryKind = 'grant' | 'limit' | 'adjust' | 'reserve' | 'commit' | 'release' | 'use' | 'free'

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
  reservation_id: string | null
  key: string | null
  reason: string | null
  counted_at: Timestamp
  created_at: DefaultedTimestamp
}
