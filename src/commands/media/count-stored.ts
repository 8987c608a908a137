import { randomUUID } from 'node:crypto'
import type { Tx } from '../../store/database.ts'
import { freeStorage } from '../quota/free-storage.ts'
import { recordUsage } from '../quota/settle-quota.ts'

/** Counts that a media's files have grown, or shrunk, in the transaction that records it. */
export async function countStored(
  tx: Tx,
  change: { readonly organizationId: string; readonly at: number; readonly bytes: number },
): Promise<void> {
  const { organizationId, at, bytes } = change
  if (bytes > 0)
    await recordUsage(tx, {
      organizationId,
      at,
      jobId: null,
      metric: 'storageBytes',
      amount: bytes,
      key: null,
    })
  else if (bytes < 0) await freeStorage(tx, { organizationId, at, amount: -bytes, key: randomUUID() })
}
