/**
 * What one upstream may be asked once more, over all processes: a store of units from which every retry takes some and
 * to which every success gives a little back. A sound upstream never meets its end; one that fails for many at once is not
 * asked many times over. The first three figures are those of the AWS SDKs' standard retry mode.
 */
export const maxUnits = 500
export const retryCostUnits = 5
export const successCreditUnits = 1
/**
 * What comes by itself: a retry every five seconds. Without it an empty budget would stay empty, for jobs that all are
 * at their second attempt have no other way to a success.
 */
export const refillUnitsPerSecond = 1

/** The units at a moment, epoch milliseconds. */
export interface RetryBudget {
  readonly units: number
  readonly at: number
}

export const fullBudget: RetryBudget = { units: maxUnits, at: 0 }

export type SpendRetryResult =
  | { readonly kind: 'spent'; readonly budget: RetryBudget }
  /** There are not units enough for one retry; in `afterMs` there are, if nobody takes them. */
  | { readonly kind: 'empty'; readonly afterMs: number }

/** Takes a retry out of the budget. */
export function spendRetry(budget: RetryBudget, at: number): SpendRetryResult {
  const units = unitsAt(budget, at)
  if (units >= retryCostUnits) return { kind: 'spent', budget: { units: units - retryCostUnits, at } }
  return { kind: 'empty', afterMs: Math.ceil(((retryCostUnits - units) / refillUnitsPerSecond) * 1_000) }
}

/**
 * Puts a success back: a retry that succeeded gives all back that it took, and a little more, so that the way out of a
 * storm grows wider with every success. A full budget is answered as it is.
 */
export function creditSuccess(budget: RetryBudget, at: number, wasRetry: boolean): RetryBudget {
  return addUnits(budget, at, successCreditUnits + (wasRetry ? retryCostUnits : 0))
}

/** Puts a retry back that was not made after all. */
export function refundRetry(budget: RetryBudget, at: number): RetryBudget {
  return addUnits(budget, at, retryCostUnits)
}

/** How many retries could be made now. */
export function retriesLeft(budget: RetryBudget, at: number): number {
  return Math.floor(unitsAt(budget, at) / retryCostUnits)
}

function addUnits(budget: RetryBudget, at: number, units: number): RetryBudget {
  if (budget.units >= maxUnits) return budget
  return { units: Math.min(maxUnits, unitsAt(budget, at) + units), at }
}

/** Time never takes: a clock that was set back counts as one that stands. */
function unitsAt({ units, at: since }: RetryBudget, at: number): number {
  return Math.min(maxUnits, units + (Math.max(0, at - since) / 1_000) * refillUnitsPerSecond)
}
