import { isDeepStrictEqual } from 'node:util'
import type { BreakerContext, BreakerEvent } from '../../machines/breaker.ts'
import { fullBudget, type RetryBudget } from '../../machines/rules/retry-budget.ts'
import { breakerMachine, freshBreaker } from '../definitions/breaker-machine.ts'
import { type Checkpoint, type MachineEvent, nextTimer } from '../durable/checkpoint.ts'
import { decide } from '../durable/decide.ts'
import { catalogueOf, load } from '../durable/machine.ts'
import {
  appendBreakerMoves,
  type BreakerMove,
  type BreakerRecord,
  commitBreaker,
  type StoredBreaker,
} from '../store/breaker/breakers.ts'
import type { Tx } from '../store/database.ts'

/** A breaker as it is at a moment, and the way that it took there from its row. */
export interface Breaker {
  readonly record: BreakerRecord
  readonly checkpoint: Checkpoint
  readonly retryBudget: RetryBudget
  readonly trail: readonly Passage[]
}

/** From one of the states that people see to another: what happens inside of half-open is nobody's news. */
export interface Passage {
  readonly from: string
  readonly to: string
  readonly event: string
  /** Of what a person did: why, and who. */
  readonly reason?: string
  readonly by?: string | null
}

export type BreakerMoved =
  | { readonly kind: 'moved'; readonly breaker: Breaker }
  | { readonly kind: 'refused'; readonly state: string; readonly event: string }

const catalogue = catalogueOf([breakerMachine])

/**
 * A breaker's row as it stands at a moment, epoch milliseconds: nobody wakes a breaker, so what has fallen due since it was
 * written happens when somebody looks. Throws `UnknownCheckpoint` for a row of a newer build.
 */
export function breakerAt(record: BreakerRecord, at: number): Breaker {
  const checkpoint = record.stored ? checkpointOf(record.stored) : freshBreaker
  let breaker: Breaker = { record, checkpoint, retryBudget: budgetOf(record), trail: [] }
  for (;;) {
    const timer = nextTimer(breaker.checkpoint)
    if (!timer || timer.dueAt > at) return breaker
    const moved = moveBreaker(breaker, timer.event, timer.dueAt)
    if (moved.kind === 'refused') throw new Error(`the timer "${moved.event}" was refused in ${moved.state}`)
    breaker = moved.breaker
  }
}

/** Asks the machine what an event does to a breaker at a moment. Pure: `commitBreakers` writes what came of it. */
export function moveBreaker(
  breaker: Breaker,
  event: BreakerEvent | MachineEvent,
  at: number,
  note: Pick<Passage, 'reason' | 'by'> = {},
): BreakerMoved {
  const { checkpoint } = breaker
  const decision = decide(
    breakerMachine,
    checkpoint,
    { ...event },
    { at, key: breaker.record.key, epoch: null },
  )
  if (decision.kind === 'refused') return decision

  const next = decision.checkpoint
  const [from, to] = [areaOf(checkpoint.state), areaOf(next.state)]
  const trail = from === to ? breaker.trail : [...breaker.trail, { from, to, event: event.type, ...note }]
  return { kind: 'moved', breaker: { ...breaker, checkpoint: next, trail } }
}

/** What the machine knows. */
export function contextOf({ checkpoint }: Breaker): BreakerContext {
  return checkpoint.context as unknown as BreakerContext // The machine's, as it was stored.
}

/** The state as people see it: `halfOpen.probing` is `halfOpen`. */
export function areaOf(state: string): string {
  return state.split('.')[0] ?? state
}

export type BreakersCommitted =
  | {
      readonly kind: 'committed'
      readonly passages: readonly (Passage & { readonly key: string })[]
      /** Whose sequences have a new event. */
      readonly organizations: readonly string[]
    }
  /** Somebody else was first. What was written before in the same transaction must be rolled back. */
  | { readonly kind: 'lost' }

/**
 * Writes the breakers that are not any more what their rows say, and appends an event for every change of state.
 * `also` is an organization that hears of it in any case.
 */
export async function commitBreakers(
  tx: Tx,
  breakers: readonly Breaker[],
  also: string | null = null,
): Promise<BreakersCommitted> {
  // In one order, so that two who commit the same breakers wait for each other instead of dead-locking.
  const changed = breakers.filter(hasChanged).toSorted((a, b) => (a.record.key < b.record.key ? -1 : 1))
  for (const { record, checkpoint, retryBudget } of changed) {
    const commit = {
      ...record,
      expectedRevision: record.revision,
      next: storedOf(checkpoint),
      retryBudget: retryBudget === fullBudget ? null : retryBudget,
    }
    if (!(await commitBreaker(tx, commit))) return { kind: 'lost' }
  }
  const moves: readonly BreakerMove[] = changed.flatMap(({ record, trail }) =>
    trail.map((passage) => ({ ...record, payload: { key: record.key, ...passage } })),
  )
  const organizations = moves.length === 0 ? [] : await appendBreakerMoves(tx, moves, also)
  const passages = changed.flatMap(({ record: { key }, trail }) =>
    trail.map((passage) => ({ key, ...passage })),
  )
  return { kind: 'committed', passages, organizations }
}

/** Whether there is anything to write: most calls find a closed breaker, and leave it as it is. */
export function hasChanged({ record, checkpoint, retryBudget }: Breaker): boolean {
  const before = record.stored ?? storedOf(freshBreaker)
  return !isDeepStrictEqual(before, storedOf(checkpoint)) || retryBudget !== budgetOf(record)
}

function budgetOf({ retryBudget }: BreakerRecord): RetryBudget {
  return retryBudget ?? fullBudget
}

function checkpointOf(stored: StoredBreaker): Checkpoint {
  return load(catalogue, { machine: breakerMachine.name, step: null, ...stored }).checkpoint
}

function storedOf({ version, state, tag, context, timers }: Checkpoint): StoredBreaker {
  return { version, state, tag, context, timers }
}
