import { quotaThresholds } from '../../../machines/rules/quota-period.ts'
import type { Tx } from '../../store/database.ts'
import type { NewEvent } from '../../store/event/append.ts'
import type { QuotaMoment } from '../../store/quota/balances.ts'
import { debitQuota, findNextAvailableAt, type QuotaAmount } from '../../store/quota/reservations.ts'
import type { Metric, QuotaPeriod } from '../../store/quota/tables.ts'
import { thresholdEvents } from './quota-period.ts'

/** A hard limit has no room for a job: by which metric and period, and when more comes by itself. */
export interface QuotaShort {
  readonly kind: 'quotaShort'
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly available: number
  readonly needed: number
  /** Null if only a grant or a limit helps. */
  readonly nextAvailableAt: Date | null
}

/**
 * What a job asks for before it exists: one video, its seconds, one upload. Of bytes and money, which nobody knows
 * beforehand, only that something is left.
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
 * Reserves what a job needs, all of it or nothing, in the caller's transaction and under its open books. The job's row may
 * come later in the transaction, but must come. Answers the events to append once all other locks are taken.
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
