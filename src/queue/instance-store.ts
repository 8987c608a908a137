import type { PgBoss } from 'pg-boss'
import { coalesce } from '../durable/batch.ts'
import type { DatabaseClock, Ledger, Move, MoveResult } from '../durable/instance-store.ts'
import type { Db } from '../store/database.ts'
import { releaseLease, reloadLeased, renewLeases, takeLease } from '../store/job/leases.ts'
import { commitMoves } from '../store/job/transitions.ts'
import { queueWakeUps } from './wake.ts'

/** How long a lease lasts without being renewed; shorter than the queue's heartbeat, see `work`. */
export const leaseSeconds = 8

export interface LedgerOptions {
  readonly db: Db
  readonly boss: PgBoss
  readonly clock: DatabaseClock
  /** This process, for people who read the table. */
  readonly owner: string
  readonly onCommitted: (moves: readonly Move[]) => void
}

/**
 * The ledger on Postgres. Transitions that are ready at the same moment are committed as a group: in one statement
 * if they go straight on, in one transaction with their wake-ups if the job is let go to wait.
 */
export function createLedger({ db, boss, clock, owner, onCommitted }: LedgerOptions): Ledger {
  const commitGroup = async (moves: readonly Move[]): Promise<readonly MoveResult[]> => {
    const { results, now } = moves.some(isToBeWoken)
      ? await db.transaction().execute(async (tx) => {
          const committed = await commitMoves(tx, moves)
          const wakeUps = moves.flatMap((move, index) => {
            const result = committed.results[index]
            if (result?.kind !== 'committed' || !isToBeWoken(move)) return []
            return [
              {
                jobId: move.jobId,
                organizationId: move.organizationId,
                reason: result.revision,
                ...(move.wakeAt !== null && { at: move.wakeAt }),
                isFirst: move.next.machine === 'account',
              },
            ]
          })
          await queueWakeUps(boss, wakeUps, tx)
          return committed
        })
      : await commitMoves(db, moves)
    clock.observe(now)
    onCommitted(moves.filter((_move, index) => results[index]?.kind === 'committed'))
    return results
  }

  return {
    async take(jobId) {
      const { taking, now } = await takeLease(db, jobId, owner, leaseSeconds)
      clock.observe(now)
      return taking
    },
    commit: coalesce(commitGroup),
    reload: (jobId, epoch) => reloadLeased(db, jobId, epoch),
    release: (jobId, epoch, revision, untried) => releaseLease(db, jobId, epoch, revision, untried),
    async renew(leases) {
      const { states, now } = await renewLeases(db, leases, leaseSeconds)
      clock.observe(now)
      return states
    },
  }
}

function isToBeWoken(move: Move): boolean {
  return move.release && move.wakeAt !== null
}
