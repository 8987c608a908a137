import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { type LimitTooLow, setQuotaLimit as setLimit } from '../../store/quota/adjustments.ts'
import type { Metric, QuotaPeriod } from '../../store/quota/tables.ts'
import type { CommandDeps } from '../command-deps.ts'
import { invalid, type Refusal } from '../refusal.ts'
import type { QuotaChangeResult } from './grant-quota.ts'
import { openQuotaPeriods } from './quota-period.ts'
import { completeQuotaChange, lockWaitingWork } from './retry-waiting.ts'
import { validateAmount, validatePeriod, validateReason, validateSpan } from './validate-quota.ts'

/**
 * Sets an organization's limit for a metric and period; null removes it. A hard limit refuses usage beyond it, a soft one appends
 * an event. The current period changes at once; a first limit counts usage from now on.
 */
export async function setQuotaLimit(
  tx: Tx,
  deps: CommandDeps,
  request: {
    readonly organizationId: string
    readonly metric: Metric
    readonly period: QuotaPeriod
    readonly amount: number | null
    readonly isHard: boolean
    /** Of a rolling period: how long its window is. */
    readonly windowSeconds: number | null
    readonly reason: string | null
  },
): Promise<QuotaChangeResult> {
  const { organizationId, metric, period, amount, isHard, windowSeconds, reason } = request
  const fields = [
    ...validatePeriod(metric, period),
    ...(amount === null ? [] : [...validateAmount(amount), ...validateSpan(period, windowSeconds)]),
    ...validateReason(reason),
  ]
  if (fields.length > 0) return { kind: 'invalid', fields }

  const waiting = await lockWaitingWork(tx, organizationId)
  const moment = await openQuotaPeriods(tx, { organizationId, at: await readDatabaseTime(tx) })
  const limit = amount === null ? null : { amount, isHard, windowSeconds }
  const set = await setLimit(tx, moment, { metric, period }, limit, reason)
  if (set.kind === 'tooLow') return tooLow(set)
  const payload = { amount, isHard, windowSeconds, reason }
  const change = { type: 'quota.limitChanged', metric, period, payload } as const
  await completeQuotaChange(tx, deps, { moment, waiting }, change)
  return { kind: 'done', metric, period }
}

export function tooLow({ committed }: LimitTooLow): Refusal {
  return invalid('amount', `is less than the ${committed} that are already reserved or used`)
}
