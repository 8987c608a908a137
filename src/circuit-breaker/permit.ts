import { type BreakerKey, readBreakers } from '../store/breaker/breakers.ts'
import type { Db } from '../store/database.ts'
import { type Breaker, breakerAt, commitBreakers, hasChanged, type Passage } from './breaker.ts'

/** What breakers work with. */
export interface BreakerDeps {
  /** Under the role `reelpilot_runtime`. */
  readonly db: Db
  /** Epoch milliseconds; the database's own time unless told. */
  readonly now?: () => number
  /** From 0 to 1, by which those who are turned away are told different times. */
  readonly chance?: () => number
  /** After the commit: a breaker went from one state to another. `organizations` have an event of it. */
  readonly onMoved?: (passage: Passage & { readonly key: string }, organizations: readonly string[]) => void
  /** What a call said could not be written down. The call's answer is not lost by that. */
  readonly onError?: (error: unknown) => void
}

/**
 * Looks at breakers, lets `judge` decide, and commits what it changed; begins again whenever somebody else was faster. Most
 * calls change nothing, and cost one small select.
 */
export async function turn<Answer>(
  deps: BreakerDeps,
  keys: readonly BreakerKey[],
  judge: (
    breakers: readonly Breaker[],
    at: number,
  ) => { readonly next: readonly Breaker[]; readonly answer: Answer },
): Promise<Answer> {
  for (;;) {
    const { breakers, now } = await readBreakers(deps.db, keys)
    const at = deps.now?.() ?? now
    const { next, answer } = judge(
      breakers.map((breaker) => breakerAt(breaker, at)),
      at,
    )
    if (await commit(deps, next)) return answer
  }
}

async function commit(deps: BreakerDeps, breakers: readonly Breaker[]): Promise<boolean> {
  if (!breakers.some(hasChanged)) return true
  try {
    const { passages, organizations } = await deps.db.transaction().execute(async (tx) => {
      const committed = await commitBreakers(tx, breakers)
      if (committed.kind === 'lost') throw new RaceLost()
      return committed
    })
    for (const passage of passages) deps.onMoved?.(passage, organizations)
    return true
  } catch (error) {
    if (error instanceof RaceLost) return false
    throw error
  }
}

/** Rolls a transaction back. */
class RaceLost extends Error {
  override readonly name = 'RaceLost'
}
