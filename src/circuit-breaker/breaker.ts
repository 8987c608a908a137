import { isDeepStrictEqual } from 'node:util'
import type { BreakerEvent } from '../../machines/breaker.ts'
import { fullBudget, type RetryBudget } from '../../machines/rules/retry-budget.ts'
import { breakerMachine, initialBreaker } from '../definitions/machines.ts'
import { type Checkpoint, type MachineEvent, nextTimer } from '../durable/checkpoint.ts'
import { decide } from '../durable/decide.ts'
import { catalogueOf, loadCheckpoint } from '../durable/machine.ts'
import {
  appendBreakerChanges,
  type BreakerChange,
  type BreakerRecord,
  commitBreaker,
  type StoredBreaker,
} from '../store/breaker/breakers.ts'
import type { Db, Tx } from '../store/database.ts'

/** A breaker at a moment, with the state changes since its row was written. */
export interface Breaker {
  readonly record: BreakerRecord
  readonly checkpoint: Checkpoint
  readonly retryBudget: RetryBudget
  readonly changes: readonly StateChange[]
}

/** A change between externally visible states; the sub-states of half-open are not reported. */
export interface StateChange {
  readonly from: string
  readonly to: string
  readonly event: string
  /** For a change that a person made: why, and who. */
  readonly reason?: string
  readonly by?: string | null
}

export type BreakerTransition =
  | { readonly kind: 'moved'; readonly breaker: Breaker }
  | { readonly kind: 'refused'; readonly state: string; readonly event: string }

const catalogue = catalogueOf([breakerMachine])

/**
 * The state of a breaker at an instant (epoch milliseconds). No timer wakes a breaker: timers that fell due since its row was
 * written are applied here. Throws `UnknownCheckpoint` for a row that a newer build wrote.
 */
export function breakerAt(record: BreakerRecord, at: number): Breaker {
  const checkpoint = record.stored ? checkpointOf(record.stored) : initialBreaker
  let breaker: Breaker = { record, checkpoint, retryBudget: budgetOf(record), changes: [] }
  for (;;) {
    const timer = nextTimer(breaker.checkpoint)
    if (!timer || timer.dueAt > at) return breaker
    const transition = transitionBreaker(breaker, timer.event, timer.dueAt)
    if (transition.kind === 'refused')
      throw new Error(`the breaker machine refused its timer "${transition.event}" in ${transition.state}`)
    breaker = transition.breaker
  }
}

/** Asks the machine for the effect of an event at an instant. Pure: `commitBreakers` writes the result. */
export function transitionBreaker(
  breaker: Breaker,
  event: BreakerEvent | MachineEvent,
  at: number,
  note: Pick<StateChange, 'reason' | 'by'> = {},
): BreakerTransition {
  const { checkpoint } = breaker
  const decision = decide(
    breakerMachine,
    checkpoint,
    { ...event },
    { at, key: breaker.record.key, epoch: null },
  )
  if (decision.kind === 'refused') return decision

  const next = decision.checkpoint
  const [from, to] = [publicStateOf(checkpoint.state), publicStateOf(next.state)]
  const changes =
    from === to ? breaker.changes : [...breaker.changes, { from, to, event: event.type, ...note }]
  return { kind: 'moved', breaker: { ...breaker, checkpoint: next, changes } }
}

/** The externally visible state: `halfOpen` for `halfOpen.probing`. */
export function publicStateOf(state: string): string {
  return state.split('.')[0] ?? state
}

export type CommitResult =
  | {
      readonly kind: 'committed'
      readonly changes: readonly (StateChange & { readonly key: string })[]
      /** The organizations whose event sequences have a new event. */
      readonly organizations: readonly string[]
    }
  /** Another process committed first. The caller must roll the transaction back. */
  | { readonly kind: 'conflict' }

/**
 * Writes the breakers that differ from their rows and appends an event for each state change. `also` is an organization that
 * gets the events in any case.
 */
export async function commitBreakers(
  tx: Tx,
  breakers: readonly Breaker[],
  also: string | null = null,
): Promise<CommitResult> {
  // Sorted by key: two transactions that commit the same breakers then wait for each other instead of deadlocking.
  const changed = breakers.filter(hasChanged).toSorted((a, b) => (a.record.key < b.record.key ? -1 : 1))
  for (const { record, checkpoint, retryBudget } of changed) {
    const commit = {
      ...record,
      expectedRevision: record.revision,
      next: storedOf(checkpoint),
      retryBudget: retryBudget === fullBudget ? null : retryBudget,
    }
    if (!(await commitBreaker(tx, commit))) return { kind: 'conflict' }
  }
  const events: readonly BreakerChange[] = changed.flatMap(({ record, changes }) =>
    changes.map((change) => ({ ...record, payload: { key: record.key, ...change } })),
  )
  const organizations = events.length === 0 ? [] : await appendBreakerChanges(tx, events, also)
  const changes = changed.flatMap(({ record: { key }, changes: own }) =>
    own.map((change) => ({ key, ...change })),
  )
  return { kind: 'committed', changes, organizations }
}

/** Inserts the missing rows of an installation's upstreams, so that they can be listed and forced before the first failure. */
export async function registerBreakers(db: Db, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await commitBreaker(db, {
      key,
      accountId: null,
      organizationId: null,
      expectedRevision: 0,
      next: initialBreaker,
      retryBudget: null,
    })
  }
}

/** Whether there is anything to write. Most calls find a closed breaker and leave it unchanged. */
export function hasChanged({ record, checkpoint, retryBudget }: Breaker): boolean {
  const before = record.stored ?? storedOf(initialBreaker)
  return !isDeepStrictEqual(before, storedOf(checkpoint)) || retryBudget !== budgetOf(record)
}

function budgetOf({ retryBudget }: BreakerRecord): RetryBudget {
  return retryBudget ?? fullBudget
}

function checkpointOf(stored: StoredBreaker): Checkpoint {
  return loadCheckpoint(catalogue, { machine: breakerMachine.name, step: null, ...stored }).checkpoint
}

function storedOf({ version, state, tag, context, timers }: Checkpoint): StoredBreaker {
  return { version, state, tag, context, timers }
}
