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
 * Sets how much of a metric an organization may use in a period, or with null lifts the limit. A hard limit refuses what goes
 * beyond it, a soft one lets it pass and says so. The present period follows at once; a first limit counts from now on.
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

  const waiters = await lockWaitingWork(tx, organizationId)
  const books = await openQuotaPeriods(tx, { organizationId, at: await readDatabaseTime(tx) })
  const limit = amount === null ? null : { amount, isHard, windowSeconds }
  const set = await setLimit(tx, books, { metric, period }, limit, reason)
  if (set.kind === 'tooLow') return tooLow(set)
  const payload = { amount, isHard, windowSeconds, reason }
  const change = { type: 'quota.limitChanged', metric, period, payload } as const
  await completeQuotaChange(tx, deps, { books, waiters }, change)
  return { kind: 'done', metric, period }
}

export function tooLow({ committed: spoken }: LimitTooLow): Refusal {
  return invalid('amount', `would leave less than the ${spoken} that are reserved and used already`)
}
