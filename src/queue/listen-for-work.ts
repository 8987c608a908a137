import type { PgBoss } from 'pg-boss'
import type { LeaseKeeper } from '../durable/lease-keeper.ts'
import { listenForChanges } from '../store/event/notify.ts'
import { notifyAllQueues, notifyQueue } from './notify.ts'

/**
 * Listens for what other processes have committed: makes the keeper look at the leases of changed instances, and workers fetch from the
 * queues that have new work.
 */
export function listenForWork(
  databaseUrl: string,
  {
    boss,
    keeper,
    onError,
  }: {
    readonly boss: PgBoss
    readonly keeper: Pick<LeaseKeeper, 'checkNow'>
    readonly onError: (error: unknown) => void
  },
): ReturnType<typeof listenForChanges> {
  return listenForChanges(databaseUrl, {
    onChange: ({ jobs, queues = [] }) => {
      for (const jobId of jobs) keeper.checkNow(jobId)
      for (const queue of queues) notifyQueue(boss, queue)
    },
    onGap: () => notifyAllQueues(boss),
    onError,
  })
}
