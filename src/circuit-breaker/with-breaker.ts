import { randomUUID } from 'node:crypto'
import type { BreakerKey } from '../store/breaker/breakers.ts'
import type { CallOutcome } from './outcome.ts'
import {
  acquirePermit,
  type BreakerDeps,
  type Deferred,
  type PermitRequest,
  reportOutcome,
} from './permit.ts'

/** A breaker that guards a call, and how it classifies the call's result. */
export interface BreakerGuard<Result> extends BreakerKey {
  readonly outcomeOf: (result: Result) => CallOutcome
}

export interface BreakerCall<Result> extends Pick<PermitRequest, 'attempt' | 'timeoutMs'> {
  readonly guards: readonly BreakerGuard<Result>[]
}

/**
 * Runs a call if all its breakers permit it, and reports the outcome to them. A deferred call was not made. An error of `run` is
 * rethrown; it counts as a call that was not made unless `outcomeOfError` says otherwise.
 */
export async function withBreakers<Result>(
  deps: BreakerDeps,
  { guards, attempt, timeoutMs }: BreakerCall<Result>,
  run: () => Promise<Result>,
  outcomeOfError: (error: unknown) => CallOutcome = () => ({ kind: 'notExecuted' }),
): Promise<{ readonly kind: 'ran'; readonly result: Result } | Deferred> {
  const request: PermitRequest = { permit: randomUUID(), breakers: guards, attempt, timeoutMs }
  const acquired = await acquirePermit(deps, request)
  if (acquired.kind === 'deferred') return acquired

  const report = async (outcomeOf: (key: string) => CallOutcome) => {
    try {
      await reportOutcome(deps, request, acquired.epochs, outcomeOf)
    } catch (error) {
      // The call was made: its result must not be lost because the report failed.
      deps.onError?.(error)
    }
  }
  let result: Result
  try {
    result = await run()
  } catch (error) {
    await report(() => outcomeOfError(error))
    throw error
  }
  await report((key) => guards.find((guard) => guard.key === key)?.outcomeOf(result) ?? { kind: 'ignored' })
  return { kind: 'ran', result }
}

export interface UpstreamCall {
  /** The upstream's breaker, such as `video/local`. */
  readonly key: string
  /** 1-based. Attempts after the first count against the upstream's retry budget. Default: 1. */
  readonly attempt?: number
  /** The longest that the call can take. Default: 1 minute. */
  readonly timeoutMs?: number
}

/**
 * Runs a call to an upstream behind its breaker, for clients that throw. A returned value is a success; `outcomeOfError`
 * classifies an error, which is rethrown. A deferred call was not made.
 */
export type WithBreaker = <Value>(
  call: UpstreamCall,
  run: () => Promise<Value>,
  outcomeOfError: (error: unknown) => CallOutcome,
) => Promise<{ readonly kind: 'ran'; readonly value: Value } | Deferred>

export function createWithBreaker(deps: BreakerDeps): WithBreaker {
  return async ({ key, attempt = 1, timeoutMs = 60_000 }, run, outcomeOfError) => {
    const guards = [{ key, accountId: null, outcomeOf: () => ({ kind: 'success' }) as const }]
    const guarded = await withBreakers(deps, { guards, attempt, timeoutMs }, run, outcomeOfError)
    return guarded.kind === 'ran' ? { kind: 'ran', value: guarded.result } : guarded
  }
}
