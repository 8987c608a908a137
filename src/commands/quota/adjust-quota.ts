import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { adjustQuota as adjust } from '../../store/quota/adjustments.ts'
import type { Metric, QuotaPeriod } from '../../store/quota/tables.ts'
import type { CommandDeps } from '../command-deps.ts'
import { invalid } from '../refusal.ts'
import type { QuotaChangeResult } from './grant-quota.ts'
import { openQuotaPeriods } from './quota-period.ts'
import { completeQuotaChange, lockWaitingWork } from './retry-waiting.ts'
import { tooLow } from './set-quota-limit.ts'
import { validateAmount, validatePeriod, validateReason } from './validate-quota.ts'

/**
 * Adjusts the balance of a metric's current period up or down, with a reason, for example to correct a mistaken grant.
 */
export async function adjustQuota(
  tx: Tx,
  deps: CommandDeps,
  request: {
    readonly organizationId: string
    readonly metric: Metric
    readonly period: QuotaPeriod
    readonly amount: number
    readonly reason: string
  },
): Promise<QuotaChangeResult> {
  const { organizationId, metric, period, amount, reason } = request
  const fields = [
    ...validateAmount(amount, { signed: true }),
    ...validatePeriod(metric, period),
    ...validateReason(reason, { required: true }),
  ]
  if (fields.length > 0) return { kind: 'invalid', fields }

  const waiting = await lockWaitingWork(tx, organizationId)
  const moment = await openQuotaPeriods(tx, { organizationId, at: await readDatabaseTime(tx) })
  const adjusted = await adjust(tx, moment, { metric, period, amount }, reason)
  if (adjusted.kind === 'unlimited')
    return invalid('period', 'has neither a limit nor a grant of this metric to adjust')
  if (adjusted.kind === 'tooLow') return tooLow(adjusted)
  const change = { type: 'quota.adjusted', metric, period, payload: { amount, reason } } as const
  await completeQuotaChange(tx, deps, { moment, waiting }, change)
  return { kind: 'done', metric, period }
}
