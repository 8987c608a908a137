import {
  type AnyMachineSnapshot,
  type ExecutableActionObject,
  initialTransition,
  type StateValue,
  transition,
} from 'xstate'
import type { Checkpoint, Json, MachineEvent, PendingStep, Tag, Timer } from './checkpoint.ts'
import type { DurableMachine } from './machine.ts'

/** What an event does to a machine: moves it, or is not permitted in its state. */
export type Decision =
  | { readonly kind: 'moved'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'refused'; readonly state: string; readonly event: string }

/** What a decision needs to know besides the checkpoint and the event. */
export interface DecisionFacts {
  /** Database time in epoch milliseconds; becomes the event's `at` and the base of every delay. */
  readonly at: number
  /** Identifies the checkpoint that this decision makes: job id and the revision that it will have. */
  readonly key: string
  /** The lease epoch of the deciding worker; null when a command decides. */
  readonly epoch: number | null
}

/**
 * The first checkpoint of a machine, pure. `input` is what the machine's context is made from; it gets `at`.
 */
export function initialCheckpoint(machine: DurableMachine, input: object, facts: DecisionFacts): Checkpoint {
  // XState types the input by the machine; a DurableMachine is any machine.
  const [snapshot, effects] = initialTransition(machine.logic, { ...input, at: facts.at } as never)
  return checkpointOf(machine, snapshot, pendingAfter(noWork, effects, facts))
}

/**
 * Asks the pure statechart what an event does. Never performs anything; the caller commits the answer.
 * XState ignores an event that no transition handles; here it is refused.
 */
export function decide(
  machine: DurableMachine,
  checkpoint: Checkpoint,
  event: MachineEvent,
  facts: DecisionFacts,
): Decision {
  const stamped = { ...event, at: facts.at }
  const snapshot = restore(machine, checkpoint)
  // What is over stays over: the machine's own transitions, which hold in every state, do not hold in a final one.
  if (checkpoint.tag === 'final' || !snapshot.can(stamped))
    return { kind: 'refused', state: checkpoint.state, event: event.type }

  const [next, effects] = transition(machine.logic, snapshot, stamped)
  return { kind: 'moved', checkpoint: checkpointOf(machine, next, pendingAfter(checkpoint, effects, facts)) }
}

/** The types of the domain's own events that the machine would accept now; guards are asked with nothing but the type. */
export function acceptedEvents(machine: DurableMachine, checkpoint: Checkpoint): readonly string[] {
  if (checkpoint.tag === 'final') return []
  const snapshot = restore(machine, checkpoint)
  const types = new Set(snapshot._nodes.flatMap((node) => node.ownEvents))
  return [...types].filter((type) => !type.startsWith('xstate.') && snapshot.can({ type, at: 0 }))
}

/** The event that brings a step's output back to its machine. */
export function doneEvent(stepId: string, output: Json): MachineEvent {
  return { type: `xstate.done.actor.${stepId}`, output }
}

/** The event that tells a machine that a step did not do its work, and what that means. */
export function failureEvent(stepId: string, error: Json): MachineEvent {
  return { type: `xstate.error.actor.${stepId}`, error }
}

interface Pending {
  readonly step: PendingStep | null
  readonly timers: { readonly [id: string]: Timer }
}

const noWork: Pending = { step: null, timers: {} }

/** Reads XState's effects in their order: what it would spawn is a step, what it would delay is a timer. */
function pendingAfter(
  before: Pending,
  effects: readonly ExecutableActionObject[],
  facts: DecisionFacts,
): Pending {
  let step = before.step
  const timers: Record<string, Timer> = { ...before.timers }
  for (const { type, params } of effects as readonly { type: string; params: EffectParams }[]) {
    // One leaf, one step: whatever is stopped is the pending one. (Restored snapshots carry no child to name.)
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
    } else throw new Error(`machines only assign, invoke and wait; this one asks for "${type}"`)
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
  const tag = tagOf(final, pending)
  if (!snapshot.tags.has(tag)) {
    const declared = [...snapshot.tags].join(', ') || 'nothing'
    throw new Error(`${machine.name}: "${state}" is declared ${declared}, but what it does makes it ${tag}`)
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

function tagOf(final: boolean, pending: Pending): Tag {
  if (final) return 'final'
  if (pending.step) return 'working'
  return Object.keys(pending.timers).length > 0 ? 'waiting' : 'resting'
}

function restore(machine: DurableMachine, checkpoint: Checkpoint): AnyMachineSnapshot {
  return machine.logic.resolveState({ value: stateValueOf(checkpoint.state), context: checkpoint.context })
}

/** `{ publishing: 'uploading' }` → `publishing.uploading`; throws for a machine with parallel states. */
function statePathOf(value: StateValue): string {
  if (typeof value === 'string') return value
  const entries = Object.entries(value)
  const [only] = entries
  if (!only || entries.length > 1 || only[1] === undefined)
    throw new Error('a durable machine has one active leaf')
  return `${only[0]}.${statePathOf(only[1])}`
}

function stateValueOf(path: string): StateValue {
  return path.split('.').reduceRight<StateValue>((inner, key) => (inner === '' ? key : { [key]: inner }), '')
}

/** Cuts a value down to JSON; throws where that would change it silently into something else. */
function asJson(value: unknown): Json {
  return JSON.parse(
    JSON.stringify(value, function (this: Record<string, unknown>, key, encoded) {
      const raw = this[key]
      if (raw instanceof Date || raw instanceof Error || typeof raw === 'function' || typeof raw === 'bigint')
        throw new TypeError(`a checkpoint holds JSON only; "${key}" is not`)
      return encoded
    }),
  ) as Json
}
