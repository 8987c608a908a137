import type { Tx } from '../../store/database.ts'
import { sumUnfinished } from '../../store/media/uploads.ts'
import { findNextAvailableAt } from '../../store/quota/reservations.ts'
import { openDebits } from '../quota/quota-period.ts'
import type { QuotaShort } from '../quota/reserve-quota.ts'

/**
 * Checks that a hard limit on stored bytes has room for an upload beside all other unfinished ones. Locks the quota. Null if there is
 * room. Nothing is reserved: what the uploads take is counted when they are complete, after another check.
 */
export async function checkUploadRoom(
  tx: Tx,
  {
    organizationId,
    at,
    bytes,
    mediaId,
  }: {
    readonly organizationId: string
    /** Epoch milliseconds. */
    readonly at: number
    readonly bytes: number
    /** The upload itself, if it exists already. */
    readonly mediaId: string | null
  },
): Promise<QuotaShort | null> {
  const debits = await openDebits(tx, { organizationId, at })
  const others = await sumUnfinished(tx, organizationId, mediaId)
  // Tried in memory only: nothing of it is written.
  const tried = debits.debit({
    into: 'reserved',
    amounts: [{ metric: 'storageBytes', amount: bytes + others.bytes }],
    jobId: null,
    thresholds: [],
  })
  if (tried.kind === 'debited') return null
  const [{ metric, period, available }] = tried.shortages
  return {
    kind: 'quotaShort',
    metric,
    period,
    available: Math.max(0, available - others.bytes),
    needed: bytes,
    nextAvailableAt: await findNextAvailableAt(tx, debits.moment, { metric, period }),
  }
}
