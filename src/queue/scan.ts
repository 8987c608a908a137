import type { PgBoss } from 'pg-boss'
import type { Executor } from '../store/database.ts'
import { within } from './boss.ts'
import { queues } from './queue-settings.ts'

/** Queues a scan of one organization; it is queued if the transaction commits. */
export async function queueScan(boss: PgBoss, organizationId: string, tx: Executor): Promise<void> {
  await boss.insert(queues.scan, [{ data: { organizationId } }], within(tx))
}

/** Performs scans, one at a time: of the named organization, or hourly of all of them. */
export async function workScans(
  boss: PgBoss,
  { scanOne, scanAll }: { scanOne(organizationId: string): Promise<void>; scanAll(): Promise<void> },
): Promise<void> {
  const workId: string = await boss.work<{ organizationId?: string }>(
    queues.scan,
    // A schedule fires up to half a minute late: some seconds more do not matter.
    { pollingIntervalSeconds: 5, notifyPollingIntervalSeconds: 5 },
    async ([scan]) => {
      if (!scan) return
      const { organizationId } = scan.data
      await (organizationId === undefined ? scanAll() : scanOne(organizationId))
      boss.notifyWorker(workId) // There may be more: fetch again at once.
    },
  )
}
