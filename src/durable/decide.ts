import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type ExecutableActionObject,
  initialTransition,
  type StateValue,
  transition,
} from 'xstate'
import type { Checkpoint, Json, MachineEvent, PendingStep, Tag, Timer } from './checkpoint.ts'
import { type DurableMachine, loadCheckpoint, type MachineCatalogue } from './machine.ts'

/** The result of an event: the next checkpoint, or a refusal because the state does not accept it. */
export type Decision =
  | { readonly kind: 'moved'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'refused'; readonly state: string; readonly event: string }

/** What a decision needs besides the checkpoint and the event. */
export interface DecisionFacts {
  /** Database time in epoch milliseconds; becomes the event's `at` and the base of every delay. */
  readonly at: number
  /** Identifies the resulting checkpoint: instance id and its revision. */
  readonly key: string
  /** The lease epoch of the deciding worker; null when a command decides. */
  readonly epoch: number | null
}

/** The first checkpoint of a machine. Pure; the machine's context is built from `input` and `at`. */
export function initialCheckpoint(machine: DurableMachine, input: object, facts: DecisionFacts): Checkpoint {
  // XState types the input by the machine; a DurableMachine is any machine.
  const [snapshot, effects] = initialTransition(viewOf(machine.logic), { ...input, at: facts.at } as never)
  return checkpointOf(machine, snapshot, pendingAfter(noWork, effects, facts))
}

/**
 * Applies an event to a checkpoint. Pure: the caller commits the result. XState ignores an event that no transition
 * handles; here it is refused.
 */
export function decide(
  machine: DurableMachine,
  checkpoint: Checkpoint,
  event: MachineEvent,
  facts: DecisionFacts,
): Decision {
  const stamped = { ...event, at: facts.at }
  const snapshot = restore(machine, checkpoint)
  // XState would apply the root's transitions in a final state too.
  if (checkpoint.tag === 'final' || !snapshot.can(stamped))
    return { kind: 'refused', state: checkpoint.state, event: event.type }

  const [next, effects] = transition(viewOf(machine.logic), snapshot, stamped)
  return { kind: 'moved', checkpoint: checkpointOf(machine, next, pendingAfter(checkpoint, effects, facts)) }
}

/** Whether this build can read the stored checkpoint and its machine accepts the event now. */
export function canHandle(machines: MachineCatalogue, stored: Checkpoint, event: MachineEvent): boolean {
  try {
    const { machine, checkpoint } = loadCheckpoint(machines, stored)
    return decide(machine, checkpoint, event, { at: 0, key: '', epoch: null }).kind === 'moved'
  } catch {
    // An unreadable checkpoint, or a guard that throws on it, accepts no event.
    return false
  }
}

/** The types of the domain events that the machine accepts now. Guards see an event with nothing but its type. */
export function acceptedEvents(machine: DurableMachine, checkpoint: Checkpoint): readonly string[] {
  if (checkpoint.tag === 'final') return []
  const snapshot = restore(machine, checkpoint)
  const types = new Set(snapshot._nodes.flatMap((node) => node.ownEvents))
  return [...types].filter((type) => !type.startsWith('xstate.') && snapshot.can({ type, at: 0 }))
}

/** The event that carries a step's output. */
export function doneEvent(stepId: string, output: Json): MachineEvent {
  return { type: `xstate.done.actor.${stepId}`, output }
}

/** The event that carries a step's error. */
export function failureEvent(stepId: string, error: Json): MachineEvent {
  return { type: `xstate.error.actor.${stepId}`, error }
}

interface Pending {
  readonly step: PendingStep | null
  readonly timers: { readonly [id: string]: Timer }
}

const noWork: Pending = { step: null, timers: {} }

/** Translates XState's effects in order: a spawned actor becomes the pending step, a delayed event a timer. */
function pendingAfter(
  before: Pending,
  effects: readonly ExecutableActionObject[],
  facts: DecisionFacts,
): Pending {
  let step = before.step
  const timers: Record<string, Timer> = { ...before.timers }
  for (const { type, params } of effects as readonly { type: string; params: EffectParams }[]) {
    // A leaf has one step, so the stopped one is the pending one. Restored snapshots name no child.
    if (type === 'xstate.stopChild') step = null
    else if (type === 'xstate.cancel') delete timers[String(params.sendId)]
    else if (type === 'xstate.spawnChild') {
      step = {
        id: String(params.id),
        name: String(params.src),
        input: asJson(params.input ?? null),
        key: facts.key,
        epoch: facts.epoch,
      }
    } else if (type === 'xstate.raise' && params.delay !== undefined) {
      timers[String(params.id)] = {
        event: asJson(params.event) as unknown as MachineEvent,
        dueAt: Math.ceil(facts.at + params.delay),
      }
    } else throw new Error(`a durable machine may only assign, invoke and wait, not "${type}"`)
  }
  return { step, timers }
}

interface EffectParams {
  readonly id?: unknown
  readonly src?: unknown
  readonly input?: unknown
  readonly sendId?: unknown
  readonly event?: unknown
  readonly delay?: number
}

function checkpointOf(machine: DurableMachine, snapshot: AnyMachineSnapshot, pending: Pending): Checkpoint {
  const state = statePathOf(snapshot.value)
  const final = snapshot.status === 'done'
  const tag = tagOf(snapshot, pending)
  if (!snapshot.tags.has(tag)) {
    const declared = [...snapshot.tags].join(', ') || 'without a tag'
    throw new Error(`${machine.name}: "${state}" is declared ${declared}, but is ${tag}`)
  }
  return {
    machine: machine.name,
    version: machine.version,
    state,
    tag,
    context: asJson(snapshot.context) as Checkpoint['context'],
    step: final ? null : pending.step,
    timers: final ? {} : pending.timers,
  }
}

function tagOf({ status, tags }: AnyMachineSnapshot, pending: Pending): Tag {
  if (status === 'done') return 'final'
  if (pending.step) return 'working'
  if (Object.keys(pending.timers).length > 0) return 'waiting'
  return tags.has('settled') ? 'settled' : 'resting'
}

const views = new WeakMap<AnyStateMachine, AnyStateMachine>()

/**
 * The same machine without the first snapshot that XState makes for every transition, without input, and never reads. A context that
 * needs its input throws there, and XState discards the error: both together took more than half of the time of a transition.
 */
function viewOf(logic: AnyStateMachine): AnyStateMachine {
  const known = views.get(logic)
  if (known) return known
  const unread = { status: 'active', output: undefined, error: undefined } as AnyMachineSnapshot
  const getInitialSnapshot: typeof logic.getInitialSnapshot = (scope, input) =>
    input === undefined ? unread : logic.getInitialSnapshot(scope, input)
  const view: AnyStateMachine = Object.create(logic, { getInitialSnapshot: { value: getInitialSnapshot } })
  views.set(logic, view)
  return view
}

function restore(machine: DurableMachine, checkpoint: Checkpoint): AnyMachineSnapshot {
  return machine.logic.resolveState({ value: stateValueOf(checkpoint.state), context: checkpoint.context })
}

/** `{ publishing: 'uploading' }` → `publishing.uploading`. Throws for a machine with parallel states. */
function statePathOf(value: StateValue): string {
  if (typeof value === 'string') return value
  const entries = Object.entries(value)
  const [only] = entries
  if (!only || entries.length > 1 || only[1] === undefined)
    throw new Error('a durable machine must have exactly one active leaf')
  return `${only[0]}.${statePathOf(only[1])}`
}

function stateValueOf(path: string): StateValue {
  return path.split('.').reduceRight<StateValue>((inner, key) => (inner === '' ? key : { [key]: inner }), '')
}

/** Copies a value as JSON. Throws where JSON would silently change it. */
function asJson(value: unknown): Json {
  return JSON.parse(
    JSON.stringify(value, function (this: Record<string, unknown>, key, encoded) {
      const raw = this[key]
      if (raw instanceof Date || raw instanceof Error || typeof raw === 'function' || typeof raw === 'bigint')
        throw new TypeError(`a checkpoint holds JSON only; "${key}" is not JSON`)
      return encoded
    }),
  ) as Json
}
