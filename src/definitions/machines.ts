import { jobLogic } from '../../machines/job.ts'
import type { DurableMachine } from '../durable/machine.ts'
import { upgradeJobFrom1, upgradeJobFrom3 } from './upgrade-job.ts'

/**
 * Version 2 tells the afterlife of a post apart: what was one state of waiting is `watching` with its stages. Version 3 adds
 * `publishing.deferred`, to which nothing of an older checkpoint belongs. Version 4 adds `held`, and that a person may let a
 * post be late.
 */
export const jobMachine: DurableMachine = {
  name: 'job',
  version: 4,
  logic: jobLogic,
  upgrades: { 1: upgradeJobFrom1, 2: (old) => old, 3: upgradeJobFrom3 },
}
