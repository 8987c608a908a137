import type { AnyStateMachine, ContextFrom } from 'xstate'
import type { Checkpoint } from './checkpoint.ts'

/** A released machine: the statechart, its version, and the upgrades of older checkpoints. */
export interface DurableMachine<Logic extends AnyStateMachine = AnyStateMachine> {
  readonly name: string
  /** Rises when the shape of the states or of the context changes. */
  readonly version: number
  readonly logic: Logic
  /** `upgrades[n]` turns a checkpoint of version n into one of version n + 1; pure. */
  readonly upgrades: { readonly [fromVersion: number]: (old: Checkpoint) => Omit<Checkpoint, 'version'> }
  /**
   * The names of steps that only ask, and that any number of workers may repeat. Where a timer leads to one of them, it is performed
   * before anything is committed, and then only what it changed is. Default: none.
   */
  readonly polls?: ReadonlySet<string>
}

/** The machines that this build can run, by name. */
export type MachineCatalogue = ReadonlyMap<string, DurableMachine>

/** A checkpoint that this build does not know. It is refused, because guessing its meaning could post twice. */
export class UnknownCheckpoint extends Error {
  override readonly name = 'UnknownCheckpoint'
}

/** The typed context of a checkpoint of this machine's current version. The database stores it as JSON of the same shape. */
export function contextOf<Logic extends AnyStateMachine>(
  _machine: DurableMachine<Logic>,
  { context }: { readonly context: object },
): ContextFrom<Logic> {
  return context as ContextFrom<Logic>
}

export function catalogueOf(machines: readonly DurableMachine[]): MachineCatalogue {
  return new Map(machines.map((machine) => [machine.name, machine]))
}

/**
 * Finds a checkpoint's machine and upgrades the checkpoint to its current version.
 * Throws `UnknownCheckpoint` for an unknown machine or state and for a version newer than this build's.
 */
export function loadCheckpoint(
  catalogue: MachineCatalogue,
  stored: Checkpoint,
): { readonly machine: DurableMachine; readonly checkpoint: Checkpoint } {
  const machine = catalogue.get(stored.machine)
  if (!machine) throw new UnknownCheckpoint(`this build has no machine "${stored.machine}"`)
  if (stored.version > machine.version) {
    throw new UnknownCheckpoint(
      `this build knows "${stored.machine}" up to version ${machine.version}, but the checkpoint has version ${stored.version}: run a newer build`,
    )
  }
  let checkpoint = stored
  while (checkpoint.version < machine.version) {
    const upgrade = machine.upgrades[checkpoint.version]
    if (!upgrade)
      throw new UnknownCheckpoint(
        `machine "${stored.machine}" has no upgrade from version ${checkpoint.version}`,
      )
    checkpoint = { ...upgrade(checkpoint), version: checkpoint.version + 1 }
  }
  if (!leafPaths(machine).has(checkpoint.state)) {
    throw new UnknownCheckpoint(`machine "${stored.machine}" has no state "${checkpoint.state}"`)
  }
  return { machine, checkpoint }
}

const leaves = new WeakMap<DurableMachine, ReadonlySet<string>>()

/** The dotted paths of all leaf states. */
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
