import { type BreakerEvent, defaultOpenMs } from '../../machines/breaker.ts'
import {
  creditSuccess,
  type RetryBudget,
  refundRetry,
  spendRetry,
} from '../../machines/rules/retry-budget.ts'
import { breakerMachine } from '../definitions/machines.ts'
import { nextTimer } from '../durable/checkpoint.ts'
import { contextOf } from '../durable/machine.ts'
import { type BreakerKey, readBreakers } from '../store/breaker/breakers.ts'
import type { Db } from '../store/database.ts'
import {
  type Breaker,
  breakerAt,
  commitBreakers,
  hasChanged,
  type StateChange,
  transitionBreaker,
} from './breaker.ts'
import type { CallOutcome } from './outcome.ts'

/** The dependencies of all breaker calls. */
export interface BreakerDeps {
  /** Under the role `reelpilot_runtime`. */
  readonly db: Db
  /** Epoch milliseconds. Default: the database's clock. */
  readonly now?: () => number
  /** From 0 to 1, for the jitter of deferred calls. Default: `Math.random`. */
  readonly random?: () => number
  /** Called after the commit, once for each state change. `organizations` received an event about it. */
  readonly onStateChange?: (
    change: StateChange & { readonly key: string },
    organizations: readonly string[],
  ) => void
  /** Called when an outcome could not be recorded. The result of the call is still returned. */
  readonly onError?: (error: unknown) => void
}

/** A call that asks its breakers for permission. */
export interface PermitRequest {
  /** Unique among all calls. */
  readonly permit: string
  readonly breakers: readonly BreakerKey[]
  /** 1-based. Attempts after the first count against the upstream's retry budget. */
  readonly attempt: number
  /** The longest that the call can take. A probe without an outcome by then is given up. */
  readonly timeoutMs: number
}

/** The call was not made and nothing was spent. Retry after `afterSeconds`. */
export interface Deferred {
  readonly kind: 'deferred'
  readonly reason: 'circuitOpen' | 'retryBudget'
  readonly afterSeconds: number
}

/** `epochs`: the epoch of each breaker, by key, under which the call was permitted. */
export type PermitResult =
  | { readonly kind: 'permitted'; readonly epochs: ReadonlyMap<string, number> }
  | Deferred

/** Maximum jitter of deferred calls, so that they do not retry at the same instant. */
const maxJitterMs = 10_000
/** While a probe runs, other calls retry after this time: most probes end long before their timeout. */
const probeRetryMs = 5_000

/** Asks all breakers of a call. The call is permitted by all of them or by none. */
export async function acquirePermit(
  deps: BreakerDeps,
  { permit, breakers: keys, attempt, timeoutMs }: PermitRequest,
): Promise<PermitResult> {
  const random = deps.random ?? Math.random
  return await updateBreakers<PermitResult>(deps, keys, (breakers, at) => {
    const next: Breaker[] = []
    for (const breaker of breakers) {
      const transition = transitionBreaker(breaker, { type: 'call', permit, timeoutMs }, at)
      if (transition.kind === 'refused')
        return { next: [], answer: deferred('circuitOpen', retryAfterMs(breaker, at), random()) }
      if (attempt === 1 || breaker.record.accountId !== null) {
        next.push(transition.breaker)
        continue
      }
      const spending = spendRetry(breaker.retryBudget, at)
      if (spending.kind === 'empty')
        return { next: [], answer: deferred('retryBudget', spending.afterMs, random()) }
      next.push({ ...transition.breaker, retryBudget: spending.budget })
    }
    const epochs = new Map(
      next.map((breaker) => [breaker.record.key, contextOf(breakerMachine, breaker.checkpoint).epoch]),
    )
    return { next, answer: { kind: 'permitted', epochs } }
  })
}

/**
 * Reports the outcome of a permitted call to its breakers. The machine refuses an outcome that arrives after its breaker has
 * opened or was forced; that is not an error.
 */
export async function reportOutcome(
  deps: BreakerDeps,
  { permit, breakers: keys, attempt }: PermitRequest,
  epochs: ReadonlyMap<string, number>,
  outcomeOf: (key: string) => CallOutcome,
): Promise<void> {
  await updateBreakers(deps, keys, (breakers, at) => {
    const next = breakers.map((breaker) => {
      const { key, accountId } = breaker.record
      const outcome = outcomeOf(key)
      const event = eventOf(outcome, permit, epochs.get(key) ?? 0)
      const transition = event ? transitionBreaker(breaker, event, at) : null
      const after = transition?.kind === 'moved' ? transition.breaker : breaker
      if (accountId !== null) return after
      return { ...after, retryBudget: retryBudgetAfter(after, outcome, attempt > 1, at) }
    })
    return { next, answer: null }
  })
}

/**
 * Reads breakers, lets `decide` change them, and commits with compare-and-set; on a conflict it starts again. Most calls change
 * nothing and cost one small select.
 */
async function updateBreakers<Answer>(
  deps: BreakerDeps,
  keys: readonly BreakerKey[],
  decide: (
    breakers: readonly Breaker[],
    at: number,
  ) => { readonly next: readonly Breaker[]; readonly answer: Answer },
): Promise<Answer> {
  for (;;) {
    const { breakers, now } = await readBreakers(deps.db, keys)
    const at = deps.now?.() ?? now
    const { next, answer } = decide(
      breakers.map((breaker) => breakerAt(breaker, at)),
      at,
    )
    if (await commit(deps, next)) return answer
  }
}

async function commit(deps: BreakerDeps, breakers: readonly Breaker[]): Promise<boolean> {
  if (!breakers.some(hasChanged)) return true
  try {
    const { changes, organizations } = await deps.db.transaction().execute(async (tx) => {
      const committed = await commitBreakers(tx, breakers)
      if (committed.kind === 'conflict') throw new RevisionConflict()
      return committed
    })
    for (const change of changes) deps.onStateChange?.(change, organizations)
    return true
  } catch (error) {
    if (error instanceof RevisionConflict) return false
    throw error
  }
}

/** Rolls the transaction back. */
class RevisionConflict extends Error {
  override readonly name = 'RevisionConflict'
}

/** How long until a breaker that refused a call can accept one. */
function retryAfterMs(breaker: Breaker, at: number): number {
  const { checkpoint } = breaker
  const dueMs = (nextTimer(checkpoint)?.dueAt ?? at + defaultOpenMs) - at
  switch (checkpoint.state) {
    case 'halfOpen.probing':
      return Math.min(dueMs, probeRetryMs)
    case 'recovering':
      return contextOf(breakerMachine, breaker.checkpoint).nextAllowedAt - at
    default:
      return dueMs
  }
}

function deferred(reason: Deferred['reason'], afterMs: number, random: number): Deferred {
  return { kind: 'deferred', reason, afterSeconds: Math.ceil(afterMs + random * maxJitterMs) / 1_000 }
}

function eventOf(outcome: CallOutcome, permit: string, epoch: number): BreakerEvent | null {
  switch (outcome.kind) {
    case 'success':
      return { type: 'succeeded', permit, epoch }
    case 'failure': {
      const { kind: _, ...requested } = outcome
      return { type: 'failed', permit, epoch, ...requested }
    }
    case 'notExecuted':
      return { type: 'abandoned', permit }
    case 'ignored':
      return null
  }
}

function retryBudgetAfter(
  { retryBudget }: Breaker,
  outcome: CallOutcome,
  wasRetry: boolean,
  at: number,
): RetryBudget {
  if (outcome.kind === 'success') return creditSuccess(retryBudget, at, wasRetry)
  return outcome.kind === 'notExecuted' && wasRetry ? refundRetry(retryBudget, at) : retryBudget
}
