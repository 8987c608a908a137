import { quotaThresholds } from '../../../machines/rules/quota-period.ts'
import type { Tx } from '../../store/database.ts'
import type { NewEvent } from '../../store/event/append.ts'
import type { QuotaMoment } from '../../store/quota/balances.ts'
import { debitQuota, findNextAvailableAt, type QuotaAmount } from '../../store/quota/reservations.ts'
import type { Metric, QuotaPeriod } from '../../store/quota/tables.ts'
import { thresholdEvents } from './quota-period.ts'

/** A hard limit has too little left for a job. */
export interface QuotaShort {
  readonly kind: 'quotaShort'
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly available: number
  readonly needed: number
  /** When the limit allows more without a change. Null if only a grant or a higher limit helps. */
  readonly nextAvailableAt: Date | null
}

/**
 * What a job reserves when it starts: one video, its seconds and one upload. Bytes and money are unknown then, so it only requires
 * that some of each is left.
 */
export function needsOfJob(seconds: number): readonly QuotaAmount[] {
  return [
    { metric: 'videos', amount: 1 },
    { metric: 'seconds', amount: seconds },
    { metric: 'uploads', amount: 1 },
    { metric: 'storageBytes', amount: 0 },
    { metric: 'providerSpend', amount: 0 },
  ]
}

/**
 * Reserves what a job needs, all or nothing, in the caller's transaction, which has locked the quota. The transaction must insert
 * the job's row too. Returns the events, which the caller appends after all other locks.
 */
export async function reserveQuota(
  tx: Tx,
  moment: QuotaMoment,
  { jobId, slotId, seconds }: { readonly jobId: string; readonly slotId: string; readonly seconds: number },
): Promise<{ readonly kind: 'reserved'; readonly events: readonly NewEvent[] } | QuotaShort> {
  const { organizationId } = moment
  const amounts = needsOfJob(seconds)
  const debit = await debitQuota(tx, moment, {
    into: 'reserved',
    amounts,
    jobId,
    thresholds: quotaThresholds,
  })
  if (debit.kind === 'short') {
    const [shortage] = debit.shortages
    return {
      kind: 'quotaShort',
      ...shortage,
      nextAvailableAt: await findNextAvailableAt(tx, moment, shortage),
    }
  }
  const reserved = Object.fromEntries(
    amounts.flatMap(({ metric, amount }) => (amount > 0 ? [[metric, amount]] : [])),
  )
  return {
    kind: 'reserved',
    events: [
      { organizationId, type: 'quota.reserved', payload: { jobId, slotId, amounts: reserved } },
      ...thresholdEvents(organizationId, debit.statuses),
    ],
  }
}
