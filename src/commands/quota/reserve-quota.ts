import type { Purpose } from '../../../machines/job/context.ts'
import { quotaThresholds } from '../../../machines/rules/quota-period.ts'
import type { Tx } from '../../store/database.ts'
import type { NewEvent } from '../../store/event/append.ts'
import type { QuotaMoment } from '../../store/quota/balances.ts'
import { type QuotaAmount, QuotaDebits } from '../../store/quota/debits.ts'
import { readLockedQuota } from '../../store/quota/locked-quota.ts'
import { findNextAvailableAt, writeDebits } from '../../store/quota/reservations.ts'
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

/** The work of a job, as far as its quota depends on it. */
export interface JobWork {
  /** Default: `post`. */
  readonly purpose?: Purpose
  /** The length of its video, rounded up. */
  readonly seconds: number
  /** Whether it generates the video. Otherwise it posts a media. */
  readonly isGenerated: boolean
}

/**
 * What a job reserves when it starts: one video, its seconds and one upload. Bytes and money are unknown then, so it only requires
 * that some of each is left. A job that posts
 * a video that is there generates and stores nothing, and a preview uploads nothing.
 */
export function needsOfJob({ purpose, seconds, isGenerated }: JobWork): readonly QuotaAmount[] {
  const upload = { metric: 'uploads', amount: 1 } as const
  if (!isGenerated) return [upload]
  return [
    { metric: 'videos', amount: 1 },
    { metric: 'seconds', amount: seconds },
    ...(purpose === 'preview' ? [] : [upload]),
    { metric: 'storageBytes', amount: 0 },
    { metric: 'providerSpend', amount: 0 },
  ]
}

/** The job that quota is reserved for. */
export interface Reserving extends JobWork {
  readonly jobId: string
  readonly slotId: string
}

/**
 * Reserves what a job needs, all or nothing, in the caller's transaction, which has locked the quota. The transaction must insert
 * the job's row too. Returns the events, which the caller appends after all other locks.
 */
export async function reserveQuota(
  tx: Tx,
  moment: QuotaMoment,
  job: Reserving,
): Promise<{ readonly kind: 'reserved'; readonly events: readonly NewEvent[] } | QuotaShort> {
  const { organizationId, at } = moment
  const debits = new QuotaDebits(moment, await readLockedQuota(tx, organizationId, at))
  const reserved = reserveIn(debits, job)
  if (reserved.kind === 'quotaShort')
    return { ...reserved, nextAvailableAt: await findNextAvailableAt(tx, moment, reserved) }
  await writeDebits(tx, debits)
  return reserved
}

/** The same in memory: the caller writes the debits, of any number of jobs. */
export function reserveIn(
  debits: QuotaDebits,
  { jobId, slotId, ...work }: Reserving,
): { readonly kind: 'reserved'; readonly events: readonly NewEvent[] } | Omit<QuotaShort, 'nextAvailableAt'> {
  const { organizationId } = debits.moment
  const amounts = needsOfJob(work)
  const debit = debits.debit({ into: 'reserved', amounts, jobId, thresholds: quotaThresholds })
  if (debit.kind === 'short') return { kind: 'quotaShort', ...debit.shortages[0] }
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
