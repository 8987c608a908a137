import type { ColumnType } from 'kysely'
import type { DefaultedTimestamp, Json } from '../columns.ts'

/** The checkpoint of a breaker machine, which has no steps. */
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
