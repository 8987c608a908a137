import { breakerLogic } from '../../machines/breaker.ts'
import { initialCheckpoint } from '../durable/decide.ts'
import type { DurableMachine } from '../durable/machine.ts'

export const breakerMachine: DurableMachine = {
  name: 'breaker',
  version: 1,
  logic: breakerLogic,
  upgrades: {},
}

/** What a breaker without a row is: closed, and never failed. */
export const freshBreaker = initialCheckpoint(breakerMachine, {}, { at: 0, key: 'breaker/1', epoch: null })
