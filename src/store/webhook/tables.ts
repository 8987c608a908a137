import type { Defaulted, DefaultedTimestamp, Json, NullableTimestamp, Timestamp } from '../columns.ts'

export interface WebhookDeliveryTable {
  key: string
  event: string
  open_id: string | null
  publish_id: string | null
  payload: Json
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
  occurrences: Defaulted<number>
  last_log_id: string | null
  first_seen_at: DefaultedTimestamp
  last_seen_at: DefaultedTimestamp
}
