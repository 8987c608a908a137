import type { Tx } from '../../store/database.ts'
import { readDatabaseTime } from '../../store/database-time.ts'
import { grantQuota as addToQuota } from '../../store/quota/adjustments.ts'
import { hasLimit } from '../../store/quota/quotas.ts'
import type { Metric, QuotaPeriod } from '../../store/tables.ts'
import type { CommandDeps } from '../deps.ts'
import { invalid, type Refusal } from '../refusal.ts'
import { openBooks } from './quota-period.ts'
import { concludeQuotaChange, lockQuotaWaiters } from './retry-waiting.ts'
import { mistakesOfAmount, mistakesOfPeriod, mistakesOfReason, mistakesOfValidity } from './validate-quota.ts'

export type QuotaChanged =
  | {
      readonly kind: 'done'
      readonly metric: Metric
      readonly period: QuotaPeriod
      readonly movedJobs: readonly string[]
    }
  | Refusal

/**
 * Adds to what an organization may use of a metric, for ever or for as long as it is valid: to all time, or once to a shorter
 * period that is limited. What waited for it goes on at once.
 */
export async function grantQuota(
  tx: Tx,
  deps: CommandDeps,
  request: {
    readonly organizationId: string
    readonly metric: Metric
    readonly amount: number
    readonly reason: string | null
    readonly period?: QuotaPeriod
    readonly validFrom?: Date | null
    readonly validUntil?: Date | null
  },
): Promise<QuotaChanged> {
  const { organizationId, metric, amount, reason, period = 'total' } = request
  const { validFrom = null, validUntil = null } = request
  const at = await readDatabaseTime(tx)
  const fields = [
    ...mistakesOfAmount(amount),
    ...mistakesOfPeriod(metric, period),
    ...mistakesOfValidity({ validFrom, validUntil }, at),
    ...mistakesOfReason(reason),
  ]
  if (fields.length > 0) return { kind: 'invalid', fields }
  if (period !== 'total' && !(await hasLimit(tx, organizationId, { metric, period })))
    return invalid('period', 'has no limit of this metric that a grant could add to: set one first')

  const waiters = await lockQuotaWaiters(tx, organizationId)
  const books = await openBooks(tx, { organizationId, at })
  await addToQuota(tx, organizationId, { metric, amount }, reason, { period, validFrom, validUntil })
  const payload = { amount, reason, validFrom, validUntil }
  const change = { type: 'quota.granted', metric, period, payload } as const
  const movedJobs = await concludeQuotaChange(tx, deps, { books, waiters }, change)
  return { kind: 'done', metric, period, movedJobs }
}
