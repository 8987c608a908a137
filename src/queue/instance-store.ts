import type { PgBoss } from 'pg-boss'
import { batch, batchByKey } from '../durable/batch.ts'
import type {
  DatabaseClock,
  InstanceStore,
  Postponement,
  Transition,
  TransitionResult,
} from '../durable/instance-store.ts'
import type { Db } from '../store/database.ts'
import {
  acquireLease,
  acquireLeases,
  type ReleasedLease,
  releaseLease,
  releaseLeases,
  reloadLeased,
  renewLeases,
} from '../store/job/leases.ts'
import { postponeInstances } from '../store/job/postponements.ts'
import { commitTransitions } from '../store/job/transitions.ts'
import { asUnavailable } from '../store/unavailable.ts'
import { queueWakeUps } from './wake.ts'

/** How long a lease lasts without renewal. Shorter than the queue's heartbeat timeout, so that a retry can acquire it. */
export const leaseSeconds = 8

export interface InstanceStoreOptions {
  readonly db: Db
  readonly boss: PgBoss
  readonly clock: DatabaseClock
  /** Names this process in the table, for people. */
  readonly owner: string
  readonly onCommitted: (transitions: readonly Transition[]) => void
}

/**
 * The instance store on Postgres. Leases that are acquired or released at the same moment share a statement. Transitions of an
 * organization that are ready at the same moment are committed as a group: in one statement if their instances continue, in one
 * transaction with their wake-ups if some are released to wait. No organization waits for another's group.
 */
export function createInstanceStore({
  db,
  boss,
  clock,
  owner,
  onCommitted,
}: InstanceStoreOptions): InstanceStore {
  const options = { isCommon: (error: unknown) => asUnavailable(error) !== null }
  const commitGroup = async (transitions: readonly Transition[]): Promise<readonly TransitionResult[]> => {
    const { results, now } = transitions.some(needsWakeUp)
      ? await db.transaction().execute(async (tx) => {
          const committed = await commitTransitions(tx, transitions)
          const wakeUps = transitions.flatMap((transition, index) => {
            const result = committed.results[index]
            if (result?.kind !== 'committed' || !needsWakeUp(transition)) return []
            return [
              {
                jobId: transition.jobId,
                organizationId: transition.organizationId,
                reason: result.revision,
                ...(transition.wakeAt !== null && { at: transition.wakeAt }),
                isFirst: transition.next.machine === 'account',
              },
            ]
          })
          await queueWakeUps(boss, wakeUps, tx)
          return committed
        })
      : await commitTransitions(db, transitions)
    clock.observe(now)
    onCommitted(transitions.filter((_transition, index) => results[index]?.kind === 'committed'))
    return results
  }

  const postponeGroup = async (postponements: readonly Postponement[]): Promise<readonly boolean[]> => {
    const { isPostponed, now } = await db.transaction().execute(async (tx) => {
      const result = await postponeInstances(tx, postponements)
      const wakeUps = postponements
        .filter((_postponement, index) => result.isPostponed[index])
        .map(({ jobId, organizationId, revision, epoch, wakeAt }) => ({
          jobId,
          organizationId,
          // The revision has had a wake-up before: the epoch tells them apart.
          reason: `${revision} polled ${epoch}`,
          at: wakeAt,
        }))
      await queueWakeUps(boss, wakeUps, tx)
      return result
    })
    clock.observe(now)
    return isPostponed
  }

  const acquireOne = batch((ids: readonly string[]) => acquireLeases(db, ids, owner, leaseSeconds), options)
  const releaseOne = batch((leases: readonly ReleasedLease[]) => releaseLeases(db, leases), options)

  return {
    // An instance that another transaction has locked waits for it alone, so that it does not delay the others.
    async acquireLease(jobId) {
      const { lease, now } = (await acquireOne(jobId)) ?? (await acquireLease(db, jobId, owner, leaseSeconds))
      clock.observe(now)
      return lease
    },
    // A statement over several organizations would wait for the event sequence of each: one that is locked, by a scan or a stalled
    // client, would hold up the commits of all others.
    commit: batchByKey(({ organizationId }) => organizationId, commitGroup, options),
    postpone: batchByKey(({ organizationId }) => organizationId, postponeGroup, options),
    reload: (jobId, epoch) => reloadLeased(db, jobId, epoch),
    async release(jobId, epoch, revision, isUnattempted = false) {
      const lease = { jobId, epoch, revision, isUnattempted }
      return (await releaseOne(lease)) ?? (await releaseLease(db, lease))
    },
    async renew(leases, waits) {
      const { states, now } = await renewLeases(db, leases, leaseSeconds, waits)
      clock.observe(now)
      return states
    },
  }
}

function needsWakeUp(transition: Transition): boolean {
  return transition.release && transition.wakeAt !== null
}
