import type { Metric, QuotaPeriod } from '../../store/quota/tables.ts'
import type { FieldIssue } from '../refusal.ts'
import { quotaMetrics, quotaPeriods } from './quota-period.ts'

/** Far beyond any use (a petabyte, a billion units of money), and far below where sums of doubles lose units. */
const mostAmount = 1_000_000_000_000_000
const mostReason = 500
/** A window of five years. */
const mostSpanSeconds = 5 * 366 * 86_400

/** What can be wrong with an amount: it is a whole number, never 0, and positive unless it corrects. */
export function validateAmount(amount: number, { signed = false } = {}): readonly FieldIssue[] {
  const size = signed ? Math.abs(amount) : amount
  if (Number.isSafeInteger(amount) && size >= 1 && size <= mostAmount) return []
  const range = signed ? `other than 0, of at most ${mostAmount} either way` : `from 1 to ${mostAmount}`
  return [{ path: 'amount', message: `must be a whole number ${range}` }]
}

/** What can be wrong with a metric and a period: that they do not exist, or not together. */
export function validatePeriod(metric: Metric, period: QuotaPeriod): readonly FieldIssue[] {
  if (!quotaMetrics.includes(metric))
    return [{ path: 'metric', message: `must be one of ${quotaMetrics.join(', ')}` }]
  if (!quotaPeriods.includes(period))
    return [{ path: 'period', message: `must be one of ${quotaPeriods.join(', ')}` }]
  if (metric === 'storageBytes' && period !== 'total')
    return [{ path: 'period', message: 'of stored bytes is total: they are what is kept now' }]
  return []
}

export function validateSpan(period: QuotaPeriod, windowSeconds: number | null): readonly FieldIssue[] {
  const path = 'windowSeconds'
  if (period !== 'rolling')
    return windowSeconds === null
      ? []
      : [{ path, message: 'goes with a rolling period only: others end by the calendar' }]
  if (
    windowSeconds !== null &&
    Number.isSafeInteger(windowSeconds) &&
    windowSeconds >= 1 &&
    windowSeconds <= mostSpanSeconds
  )
    return []
  return [{ path, message: `must be how long the window is, from 1 to ${mostSpanSeconds} seconds` }]
}

export function validateReason(reason: string | null, { required = false } = {}): readonly FieldIssue[] {
  if (required && (reason ?? '').trim() === '')
    return [{ path: 'reason', message: 'must say why, for whoever reads the ledger' }]
  return (reason ?? '').length > mostReason
    ? [{ path: 'reason', message: `must have at most ${mostReason} characters` }]
    : []
}

/** `now` in epoch milliseconds. */
export function validateValidity(
  { validFrom, validUntil }: { readonly validFrom: Date | null; readonly validUntil: Date | null },
  now: number,
): readonly FieldIssue[] {
  const path = 'validUntil'
  if (validUntil === null) return []
  if (validFrom !== null && validUntil.getTime() <= validFrom.getTime())
    return [{ path, message: 'must be after validFrom: a grant cannot end before it begins' }]
  return validUntil.getTime() <= now ? [{ path, message: 'must be in the future' }] : []
}
