import type { ColumnType, Generated } from 'kysely'
import type { Defaulted, DefaultedTimestamp, Json, NullableTimestamp } from '../columns.ts'

/** Whether a scan or a person started a job. */
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
  /** How many times this revision was leased. While it is 0, the pending step cannot have begun. */
  lease_attempts: Generated<number>
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
  instance_id: string
  revision: number
  state: string
  code: string
  message: string
  attempts: number
  created_at: DefaultedTimestamp
  redriven_at: NullableTimestamp
  redrive_reason: string | null
  redriven_by: string | null
}
