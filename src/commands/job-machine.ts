import { jobLogic } from '../../machines/job.ts'
import type { DurableMachine } from '../durable/machine.ts'
import { upgradeJobFrom1 } from './upgrade-job.ts'

/**
 * Version 2 tells the afterlife of a post apart: what was one state of waiting is `watching` with its stages. Version 3 adds
 * `publishing.awaitingTurn`, to which nothing of an older checkpoint belongs.
 */
export const jobMachine: DurableMachine = {
  name: 'job',
  version: 3,
  logic: jobLogic,
  upgrades: { 1: upgradeJobFrom1, 2: (old) => old },
}
