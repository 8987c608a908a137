import type { AnyStateMachine } from 'xstate'
import type { Checkpoint } from './checkpoint.ts'

/** A machine as it is released: the statechart, its version, and how to bring older checkpoints up to it. */
export interface DurableMachine {
  readonly name: string
  /** Rises when the shape of the states or of the context changes. */
  readonly version: number
  readonly logic: AnyStateMachine
  /** `upgrades[n]` turns a checkpoint of version n into one of version n + 1; pure. */
  readonly upgrades: { readonly [fromVersion: number]: (old: Checkpoint) => Omit<Checkpoint, 'version'> }
}

/** The machines that this build can run, by name. */
export type MachineCatalogue = ReadonlyMap<string, DurableMachine>

/** A checkpoint that this build must not touch: guessing its meaning could post twice. */
export class UnknownCheckpoint extends Error {
  override readonly name = 'UnknownCheckpoint'
}

export function catalogueOf(machines: readonly DurableMachine[]): MachineCatalogue {
  return new Map(machines.map((machine) => [machine.name, machine]))
}

/**
 * Finds a checkpoint's machine and brings the checkpoint to its current version.
 * Throws `UnknownCheckpoint` for an unknown machine or state and for a version newer than this build's.
 */
export function loadCheckpoint(
  catalogue: MachineCatalogue,
  stored: Checkpoint,
): { readonly machine: DurableMachine; readonly checkpoint: Checkpoint } {
  const machine = catalogue.get(stored.machine)
  if (!machine) throw new UnknownCheckpoint(`no machine is called "${stored.machine}" in this build`)
  if (stored.version > machine.version) {
    throw new UnknownCheckpoint(
      `"${stored.machine}" is at version ${machine.version} here, but the checkpoint is of version ${stored.version}: run the newer build`,
    )
  }
  let checkpoint = stored
  while (checkpoint.version < machine.version) {
    const upgrade = machine.upgrades[checkpoint.version]
    if (!upgrade)
      throw new UnknownCheckpoint(`"${stored.machine}" has no upgrade from version ${checkpoint.version}`)
    checkpoint = { ...upgrade(checkpoint), version: checkpoint.version + 1 }
  }
  if (!leafPaths(machine).has(checkpoint.state)) {
    throw new UnknownCheckpoint(`"${stored.machine}" has no state "${checkpoint.state}"`)
  }
  return { machine, checkpoint }
}

const leaves = new WeakMap<DurableMachine, ReadonlySet<string>>()

/** The dotted paths of all states that can be active by themselves. */
export function leafPaths(machine: DurableMachine): ReadonlySet<string> {
  let paths = leaves.get(machine)
  if (!paths) {
    const ofNode = (node: AnyStateMachine['root'], path: readonly string[]): string[] => {
      const children = Object.entries(node.states)
      if (children.length === 0) return [path.join('.')]
      return children.flatMap(([key, child]) => ofNode(child, [...path, key]))
    }
    paths = new Set(ofNode(machine.logic.root, []))
    leaves.set(machine, paths)
  }
  return paths
}
