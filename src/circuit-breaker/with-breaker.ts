import { randomUUID } from 'node:crypto'
import type { Deferred } from '../providers/deferred.ts'
import type { BreakerKey } from '../store/breaker/breakers.ts'
import { type Asking, askBreakers } from './ask.ts'
import type { Finding } from './outcome.ts'
import type { BreakerDeps } from './permit.ts'
import { tellBreakers } from './tell.ts'

/** A breaker that stands before a call, and what an outcome says to it. */
export interface Watch<Outcome> extends BreakerKey {
  readonly judge: (outcome: Outcome) => Finding
}

export interface WatchedCall<Outcome> extends Pick<Asking, 'attempt' | 'withinMs'> {
  readonly watches: readonly Watch<Outcome>[]
}

/**
 * Makes a call if all its breakers let it through, and tells them what came of it. Turned away, nothing was sent and
 * nothing was spent. What `run` throws goes through, and counts as a call that was not made unless `judgeError` says more.
 */
export async function throughBreakers<Outcome>(
  deps: BreakerDeps,
  { watches, attempt, withinMs }: WatchedCall<Outcome>,
  run: () => Promise<Outcome>,
  judgeError: (error: unknown) => Finding = () => ({ kind: 'unasked' }),
): Promise<{ readonly kind: 'ran'; readonly outcome: Outcome } | Deferred> {
  const asking: Asking = { permit: randomUUID(), breakers: watches, attempt, withinMs }
  const asked = await askBreakers(deps, asking)
  if (asked.kind === 'deferred') return asked

  const tell = async (findingOf: (key: string) => Finding) => {
    try {
      await tellBreakers(deps, asking, asked.epochs, findingOf)
    } catch (error) {
      // Whatever becomes of the record: the call was made, and its answer must not be lost.
      deps.onError?.(error)
    }
  }
  let outcome: Outcome
  try {
    outcome = await run()
  } catch (error) {
    await tell(() => judgeError(error))
    throw error
  }
  await tell((key) => watches.find((watch) => watch.key === key)?.judge(outcome) ?? { kind: 'silent' })
  return { kind: 'ran', outcome }
}
