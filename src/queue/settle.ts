import type { PgBoss } from 'pg-boss'
import { batch } from '../durable/batch.ts'
import { asUnavailable } from '../store/unavailable.ts'
import type { FailureCause } from './failure-cause.ts'

/** An attempt at a piece of work: what the queue compares before it changes anything. */
export interface Attempt {
  readonly id: string
  readonly retryCount: number
}

/** The most attempts in one statement. */
const maxSize = 500

/**
 * Completes attempts, or fails them with a cause. Those that end at the same moment share a statement; each is compared with its own
 * attempt, so that work which the queue has given to another process since is left alone.
 */
export function createSettlement(
  boss: PgBoss,
  queue: string,
): (attempt: Attempt, cause: FailureCause | null) => Promise<void> {
  const options = { maxSize, isCommon: isUnavailable }
  const complete = batch(async (attempts: readonly Attempt[]) => {
    await boss.complete(queue, [...attempts])
    return attempts.map(() => undefined)
  }, options)
  const fail = batch(
    async (failures: readonly { readonly attempt: Attempt; readonly cause: FailureCause }[]) => {
      // A statement stores one cause, and attempts that fail at the same moment usually have the same.
      for (const group of Map.groupBy(failures, ({ cause }) => JSON.stringify(cause)).values()) {
        const [{ cause } = { cause: null }] = group
        await boss.fail(
          queue,
          group.map(({ attempt }) => attempt),
          cause,
        )
      }
      return failures.map(() => undefined)
    },
    options,
  )
  return ({ id, retryCount }, cause) =>
    cause === null ? complete({ id, retryCount }) : fail({ attempt: { id, retryCount }, cause })
}

const isUnavailable = (error: unknown) => asUnavailable(error) !== null
