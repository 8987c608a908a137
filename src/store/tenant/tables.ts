import type { ColumnType } from 'kysely'
import type { Defaulted, DefaultedTimestamp, NullableTimestamp, Timestamp } from '../columns.ts'

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

export interface IdempotencyKeyTable {
  organization_id: string
  key: string
  fingerprint: Buffer
  result: ColumnType<object | null, string | null, string | null>
  response: string | null
  request_hash: Buffer | null
  created_at: DefaultedTimestamp
  expires_at: Timestamp
}
