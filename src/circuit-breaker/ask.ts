import { coolingMs } from '../../machines/breaker.ts'
import { spendRetry } from '../../machines/rules/retry-budget.ts'
import { nextTimer } from '../durable/checkpoint.ts'
import type { Deferred } from '../providers/deferred.ts'
import type { BreakerKey } from '../store/breaker/breakers.ts'
import { type Breaker, contextOf, moveBreaker } from './breaker.ts'
import { type BreakerDeps, turn } from './permit.ts'

/** A call that wants to be let through. */
export interface Asking {
  /** Its name among all calls. */
  readonly permit: string
  readonly breakers: readonly BreakerKey[]
  /** From the second attempt on it is a retry, which takes from the upstream's retry budget. */
  readonly attempt: number
  /** How long it takes at most: a probe that is not back by then is lost. */
  readonly withinMs: number
}

/** `epochs`: under which of each breaker's epochs it was let through, by key. */
export type Asked = { readonly kind: 'letThrough'; readonly epochs: ReadonlyMap<string, number> } | Deferred

/** Those who are turned away come back within so much of the earliest time, so that they do not all come at once. */
const spreadMs = 10_000
/** While a probe is out, others look again after this: most probes are answered long before their time is over. */
const probeLookMs = 5_000

/** Asks all breakers of a call; it is let through by all of them or by none. */
export async function askBreakers(
  deps: BreakerDeps,
  { permit, breakers: keys, attempt, withinMs }: Asking,
): Promise<Asked> {
  const chance = deps.chance ?? Math.random
  return await turn<Asked>(deps, keys, (breakers, at) => {
    const next: Breaker[] = []
    for (const breaker of breakers) {
      const moved = moveBreaker(breaker, { type: 'call', permit, withinMs }, at)
      if (moved.kind === 'refused')
        return { next: [], answer: held('circuitOpen', opensAfterMs(breaker, at), chance()) }
      if (attempt === 1 || breaker.record.accountId !== null) {
        next.push(moved.breaker)
        continue
      }
      const spending = spendRetry(breaker.retryBudget, at)
      if (spending.kind === 'empty')
        return { next: [], answer: held('retryBudget', spending.afterMs, chance()) }
      next.push({ ...moved.breaker, retryBudget: spending.budget })
    }
    const epochs = new Map(next.map((breaker) => [breaker.record.key, contextOf(breaker).epoch]))
    return { next, answer: { kind: 'letThrough', epochs } }
  })
}

/** How long until a breaker that has refused a call may accept one. */
function opensAfterMs(breaker: Breaker, at: number): number {
  const { checkpoint } = breaker
  const dueMs = (nextTimer(checkpoint)?.dueAt ?? at + coolingMs) - at
  switch (checkpoint.state) {
    case 'halfOpen.probing':
      return Math.min(dueMs, probeLookMs)
    case 'recovering':
      return contextOf(breaker).nextPlaceAt - at
    default:
      return dueMs
  }
}

function held(reason: 'circuitOpen' | 'retryBudget', afterMs: number, chance: number): Deferred {
  return { kind: 'deferred', reason, afterSeconds: Math.ceil(afterMs + chance * spreadMs) / 1_000 }
}
