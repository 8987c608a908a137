import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { grantQuota as addToQuota } from '../../store/quota/adjustments.ts'
import { hasLimit } from '../../store/quota/quotas.ts'
import type { Metric, QuotaPeriod } from '../../store/quota/tables.ts'
import type { CommandDeps } from '../command-deps.ts'
import { invalid, type Refusal } from '../refusal.ts'
import { openQuotaPeriods } from './quota-period.ts'
import { completeQuotaChange, lockWaitingWork } from './retry-waiting.ts'
import { validateAmount, validatePeriod, validateReason, validateValidity } from './validate-quota.ts'

export type QuotaChangeResult =
  | {
      readonly kind: 'done'
      readonly metric: Metric
      readonly period: QuotaPeriod
    }
  | Refusal

/**
 * Grants quota of a metric to an organization, without end or within a validity period: for all time, or once for a shorter period
 * that has a limit. Waiting slots and jobs are retried at once.
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
): Promise<QuotaChangeResult> {
  const { organizationId, metric, amount, reason, period = 'total' } = request
  const { validFrom = null, validUntil = null } = request
  const at = await readDatabaseTime(tx)
  const fields = [
    ...validateAmount(amount),
    ...validatePeriod(metric, period),
    ...validateValidity({ validFrom, validUntil }, at),
    ...validateReason(reason),
  ]
  if (fields.length > 0) return { kind: 'invalid', fields }
  if (period !== 'total' && !(await hasLimit(tx, organizationId, { metric, period })))
    return invalid('period', 'has no limit of this metric to add a grant to: set a limit first')

  const waiting = await lockWaitingWork(tx, organizationId)
  const moment = await openQuotaPeriods(tx, { organizationId, at })
  await addToQuota(tx, organizationId, { metric, amount }, reason, { period, validFrom, validUntil })
  const payload = { amount, reason, validFrom, validUntil }
  const change = { type: 'quota.granted', metric, period, payload } as const
  await completeQuotaChange(tx, deps, { moment, waiting }, change)
  return { kind: 'done', metric, period }
}
