import { sql } from 'kysely'
import type { Checkpoint } from '../../durable/checkpoint.ts'

/** A checkpoint as columns of `machine_instance`. */
export interface CheckpointRow {
  readonly machine: string
  readonly version: number
  readonly state: string
  readonly tag: Checkpoint['tag']
  readonly context: Checkpoint['context']
  readonly step: Checkpoint['step']
  readonly timers: Checkpoint['timers']
}

export function checkpointOfRow(row: CheckpointRow): Checkpoint {
  const { machine, version, state, tag, context, step, timers } = row
  return { machine, version, state, tag, context, step, timers }
}

export const checkpointColumnNames = [
  'machine',
  'version',
  'state',
  'tag',
  'context',
  'step',
  'timers',
] as const

export const checkpointColumns = sql.raw(checkpointColumnNames.join(', '))
