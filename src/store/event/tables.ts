import type { Generated, GeneratedAlways } from 'kysely'
import type { DefaultedTimestamp, Json } from '../columns.ts'

export interface EventHeadTable {
  organization_id: string
  sequence: Generated<number>
}

export interface EventTable {
  organization_id: string
  sequence: number
  type: string
  family: GeneratedAlways<string>
  plan_id: string | null
  slot_id: string | null
  account_id: string | null
  job_id: string | null
  job_revision: number | null
  payload: Json
  at: DefaultedTimestamp
}
