import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockQuota } from '../../store/quota/balances.ts'
import { freeStorage as free } from '../../store/quota/free.ts'

/**
 * Frees the quota of stored bytes that are no longer needed, and appends an event. The same key frees once. Jobs that wait for quota check
 * again every ten minutes.
 */
export async function freeStorage(
  tx: Tx,
  request: {
    readonly organizationId: string
    readonly amount: number
    readonly key: string
    /** Epoch milliseconds. */
    readonly at: number
  },
): Promise<void> {
  const { organizationId, amount, key, at } = request
  if (amount <= 0) return
  await lockQuota(tx, organizationId)
  if (!(await free(tx, organizationId, { amount, key, at: new Date(at) }))) return
  const payload = { amounts: { storageBytes: amount } }
  await appendEvent(tx, { organizationId, type: 'quota.freed', payload })
}
