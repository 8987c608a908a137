import { randomUUID } from 'node:crypto'
import type { PgBoss } from 'pg-boss'
import type { Executor } from '../store/database.ts'
import type { ScanReason } from '../store/plan/tables.ts'
import { within } from './boss.ts'
import { queues } from './queue-settings.ts'

/** A scan of one organization. */
export interface QueuedScan {
  readonly organizationId: string
  readonly reason: ScanReason
}

/** How many organizations a process scans at once. Each scan uses one connection. */
const concurrentScans = 2
/** How many scans one statement queues. */
const batchSize = 1_000

/**
 * Queues a scan that is to see what the transaction changes; it is queued if the transaction commits. It has a key of its own: a scan of
 * the organization that is queued already may run before the commit.
 */
export async function queueScan(boss: PgBoss, scan: QueuedScan, tx: Executor): Promise<void> {
  const singletonKey = `${scan.organizationId} ${randomUUID()}`
  await boss.insert(queues.organizationScan, [{ data: scan, singletonKey }], within(tx))
}

/** Queues a scan of each organization. An organization whose scan is queued already gets no second one. */
export async function queueScans(
  boss: PgBoss,
  organizationIds: readonly string[],
  reason: ScanReason,
): Promise<void> {
  for (let index = 0; index < organizationIds.length; index += batchSize) {
    const scans = organizationIds
      .slice(index, index + batchSize)
      .map((organizationId) => ({ data: { organizationId, reason }, singletonKey: organizationId }))
    await boss.insert(queues.organizationScan, scans)
  }
}

/** Works off the scans: `scanAll` hourly, which queues a scan for each organization, and `scanOne` for those. */
export async function workScans(
  boss: PgBoss,
  { scanOne, scanAll }: { scanOne(scan: QueuedScan): Promise<void>; scanAll(): Promise<void> },
): Promise<void> {
  // A schedule fires up to half a minute late: some seconds more do not matter.
  const polling = { pollingIntervalSeconds: 5, notifyPollingIntervalSeconds: 5 }
  await boss.work(queues.scan, polling, async () => scanAll())
  const workId: string = await boss.work<QueuedScan>(
    queues.organizationScan,
    { ...polling, localConcurrency: concurrentScans },
    async ([scan]) => {
      if (!scan) return
      await scanOne(scan.data)
      boss.notifyWorker(workId) // There may be more: fetch again at once.
    },
  )
}
