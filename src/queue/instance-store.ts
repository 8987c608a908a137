import type { FetchOptions, PgBoss } from 'pg-boss'
import { batch, batchByKey } from '../durable/batch.ts'
import type {
  DatabaseClock,
  InstanceStore,
  Postponement,
  Transition,
  TransitionResult,
} from '../durable/instance-store.ts'
import type { Db } from '../store/database.ts'
import { fetchLeased } from '../store/job/fetched-leases.ts'
import {
  type AcquiredLease,
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
import { queues } from './queue-settings.ts'
import type { QueuedWork } from './queued-work.ts'
import { queueWakeUps, type WakeUp, wakeUpId, wakeUpInsert } from './wake.ts'

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

export type QueuedWakeUp = QueuedWork<{ readonly jobId: string }>

export interface QueueInstanceStore extends InstanceStore {
  /**
   * Fetches due wake-ups and acquires the leases of their instances in the same round trip, without waiting: there is no lease of an
   * instance that another transaction has locked.
   */
  fetchLeased(options: FetchOptions): Promise<readonly QueuedWakeUp[]>
}

/**
 * The instance store on Postgres. Leases that are acquired or released at the same moment share a statement. Transitions of an
 * organization that are ready at the same moment are committed in one statement, with the wake-ups of those that are released to wait.
 * No organization waits for another's group.
 */
export function createInstanceStore({
  db,
  boss,
  clock,
  owner,
  onCommitted,
}: InstanceStoreOptions): QueueInstanceStore {
  const options = { isCommon: (error: unknown) => asUnavailable(error) !== null }
  const commitGroup = async (transitions: readonly Transition[]): Promise<readonly TransitionResult[]> => {
    const wakeUps = transitions.map(wakeUpOf)
    const queued = wakeUps.filter((wakeUp) => wakeUp !== null)
    const { results, now } = await commitTransitions(
      db,
      transitions,
      queued.length === 0
        ? undefined
        : {
            ids: wakeUps.map((wakeUp) => wakeUp && wakeUpId(wakeUp)),
            insert: await wakeUpInsert(boss, queued, db),
          },
    )
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
    async fetchLeased(fetchOptions) {
      let leases: readonly (AcquiredLease | null)[] = []
      const leasing = {
        async executeSql(text: string, values: unknown[] = []) {
          const fetched = await fetchLeased<QueuedWakeUp>(db, { text, values }, owner, leaseSeconds)
          leases = fetched.leases
          return { rows: [...fetched.rows] }
        },
      }
      const wakeUps: QueuedWakeUp[] = await boss.fetch(queues.wake, { ...fetchOptions, db: leasing })
      return wakeUps.map((wakeUp, index) => {
        const acquired = leases[index] ?? null
        if (acquired) clock.observe(acquired.now)
        return { ...wakeUp, lease: acquired?.lease ?? null }
      })
    },
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

/** What wakes the instance once it was released to wait. */
function wakeUpOf({
  release,
  wakeAt,
  jobId,
  organizationId,
  expectedRevision,
  next,
}: Transition): WakeUp | null {
  if (!release || wakeAt === null) return null
  const reason = expectedRevision + 1
  return { jobId, organizationId, reason, at: wakeAt, isFirst: next.machine === 'account' }
}
