import type { Metric, QuotaPeriod } from '../../store/quota/tables.ts'
import type { FieldIssue } from '../refusal.ts'
import { maxReasonLength } from '../text.ts'
import { quotaMetrics, quotaPeriods } from './quota-period.ts'

/** Above any real use (a petabyte, a billion units of money), and below where sums of doubles lose precision. */
const maxAmount = 1_000_000_000_000_000
/** Five years. */
const maxWindowSeconds = 5 * 366 * 86_400

/** An amount is a whole number other than 0, and positive unless `signed`. */
export function validateAmount(amount: number, { signed = false } = {}): readonly FieldIssue[] {
  const size = signed ? Math.abs(amount) : amount
  if (Number.isSafeInteger(amount) && size >= 1 && size <= maxAmount) return []
  const range = signed ? `other than 0, of at most ${maxAmount} either way` : `from 1 to ${maxAmount}`
  return [{ path: 'amount', message: `must be a whole number ${range}` }]
}

/** A metric and a period must exist, and be valid together. */
export function validatePeriod(metric: Metric, period: QuotaPeriod): readonly FieldIssue[] {
  if (!quotaMetrics.includes(metric))
    return [{ path: 'metric', message: `must be one of ${quotaMetrics.join(', ')}` }]
  if (!quotaPeriods.includes(period))
    return [{ path: 'period', message: `must be one of ${quotaPeriods.join(', ')}` }]
  if (metric === 'storageBytes' && period !== 'total')
    return [{ path: 'period', message: 'must be total for storageBytes, which counts the bytes stored now' }]
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
    windowSeconds <= maxWindowSeconds
  )
    return []
  return [{ path, message: `must be how long the window is, from 1 to ${maxWindowSeconds} seconds` }]
}

export function validateReason(reason: string | null, { required = false } = {}): readonly FieldIssue[] {
  if (required && (reason ?? '').trim() === '')
    return [{ path: 'reason', message: 'must say why, for the audit record' }]
  return (reason ?? '').length > maxReasonLength
    ? [{ path: 'reason', message: `must have at most ${maxReasonLength} characters` }]
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
