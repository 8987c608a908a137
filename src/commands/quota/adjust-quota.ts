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
 * Corrects what the present period of a metric allows, up or down, and says why: a grant that was made by mistake, a day that
 * deserves more.
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

  const waiters = await lockWaitingWork(tx, organizationId)
  const books = await openQuotaPeriods(tx, { organizationId, at: await readDatabaseTime(tx) })
  const adjusted = await adjust(tx, books, { metric, period, amount }, reason)
  if (adjusted.kind === 'unlimited')
    return invalid('period', 'has neither a limit nor a grant of this metric that could be adjusted')
  if (adjusted.kind === 'tooLow') return tooLow(adjusted)
  const change = { type: 'quota.adjusted', metric, period, payload: { amount, reason } } as const
  await completeQuotaChange(tx, deps, { books, waiters }, change)
  return { kind: 'done', metric, period }
}
