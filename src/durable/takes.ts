import type { Checkpoint, MachineEvent } from './checkpoint.ts'
import { decide } from './decide.ts'
import { loadCheckpoint, type MachineCatalogue } from './machine.ts'

/**
 * Whether a machine can be read by this build and would take the event now. What keeps it from being read or asked may be the
 * very thing that ails it, so that is an answer too.
 */
export function canHandle(machines: MachineCatalogue, stored: Checkpoint, event: MachineEvent): boolean {
  try {
    const { machine, checkpoint } = loadCheckpoint(machines, stored)
    return decide(machine, checkpoint, event, { at: 0, key: '', epoch: null }).kind === 'moved'
  } catch {
    return false
  }
}
