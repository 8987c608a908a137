import { freshBreaker } from '../definitions/breaker-machine.ts'
import { commitBreaker } from '../store/breaker/breakers.ts'
import type { Db } from '../store/database.ts'

/** Gives the upstreams that this installation calls their rows, so that they can be seen and forced before the first failure. */
export async function registerBreakers(db: Db, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await commitBreaker(db, {
      key,
      accountId: null,
      organizationId: null,
      expectedRevision: 0,
      next: freshBreaker,
      retryBudget: null,
    })
  }
}
