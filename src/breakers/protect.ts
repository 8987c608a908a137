import type { Held } from '../providers/tiktok/answer.ts'
import { throughBreakers } from './through-breakers.ts'
import type { BreakerDeps } from './turn.ts'

export interface ProtectedCall {
  /** The upstream's breaker, such as `video/local`. */
  readonly key: string
  /** The number of this attempt, the first one being 1. */
  readonly attempt?: number
  /** How long the call takes at most. A minute unless told. */
  readonly withinMs?: number
}

/**
 * Makes a call to any upstream through its breaker, in the way of providers that throw: an error that `isFailure` counts as
 * one of the upstream's, any other as a sign that it works. What is thrown goes through.
 */
export type Protect = <Value>(
  call: ProtectedCall,
  run: () => Promise<Value>,
  isFailure: (error: unknown) => boolean,
) => Promise<{ readonly kind: 'ran'; readonly value: Value } | Held>

export function createProtect(deps: BreakerDeps): Protect {
  return async ({ key, attempt = 1, withinMs = 60_000 }, run, isFailure) => {
    const watches = [{ key, accountId: null, judge: () => ({ kind: 'well' }) as const }]
    const through = await throughBreakers(deps, { watches, attempt, withinMs }, run, (error) => ({
      kind: isFailure(error) ? 'failing' : 'well',
    }))
    return through.kind === 'ran' ? { kind: 'ran', value: through.outcome } : through
  }
}
