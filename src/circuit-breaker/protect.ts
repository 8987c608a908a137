import type { Deferred } from '../providers/deferred.ts'
import type { Finding } from './outcome.ts'
import type { BreakerDeps } from './permit.ts'
import { throughBreakers } from './with-breaker.ts'

export interface ProtectedCall {
  /** The upstream's breaker, such as `video/local`. */
  readonly key: string
  /** The number of this attempt, the first one being 1: what is more is a retry, and goes to the upstream's budget. */
  readonly attempt?: number
  /** How long the call takes at most. A minute unless told. */
  readonly withinMs?: number
}

/**
 * Makes a call to any upstream through its breaker, in the way of providers that throw. What is returned is a sign that the
 * upstream works; what is thrown goes through, and `findingOf` says what it tells of the upstream. Held, nothing was sent.
 */
export type Protect = <Value>(
  call: ProtectedCall,
  run: () => Promise<Value>,
  findingOf: (error: unknown) => Finding,
) => Promise<{ readonly kind: 'ran'; readonly value: Value } | Deferred>

export function createProtect(deps: BreakerDeps): Protect {
  return async ({ key, attempt = 1, withinMs = 60_000 }, run, findingOf) => {
    const watches = [{ key, accountId: null, judge: () => ({ kind: 'well' }) as const }]
    const through = await throughBreakers(deps, { watches, attempt, withinMs }, run, findingOf)
    return through.kind === 'ran' ? { kind: 'ran', value: through.outcome } : through
  }
}
