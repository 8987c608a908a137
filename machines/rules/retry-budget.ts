/**
 * The retry budget of one upstream, shared by all processes: every retry costs units, every success returns some. A healthy
 * upstream never exhausts it; a failing one is not flooded with retries. The first three values are those of the AWS SDKs'
 * standard retry mode.
 */
export const maxUnits = 500
export const retryCostUnits = 5
export const successCreditUnits = 1
/**
 * One retry every five seconds. Without it an exhausted budget would stay empty once every job is past its first attempt.
 */
export const refillUnitsPerSecond = 1

/** The units at a time, epoch milliseconds. */
export interface RetryBudget {
  readonly units: number
  readonly at: number
}

export const fullBudget: RetryBudget = { units: maxUnits, at: 0 }

export type SpendRetryResult =
  | { readonly kind: 'spent'; readonly budget: RetryBudget }
  /** Too few units for a retry; `afterMs` until there are enough if none are spent meanwhile. */
  | { readonly kind: 'empty'; readonly afterMs: number }

/** Spends the cost of one retry. */
export function spendRetry(budget: RetryBudget, at: number): SpendRetryResult {
  const units = unitsAt(budget, at)
  if (units >= retryCostUnits) return { kind: 'spent', budget: { units: units - retryCostUnits, at } }
  return { kind: 'empty', afterMs: Math.ceil(((retryCostUnits - units) / refillUnitsPerSecond) * 1_000) }
}

/**
 * Credits a success. A successful retry returns its whole cost and a little more, so that recovery speeds up with every
 * success. A full budget is returned unchanged.
 */
export function creditSuccess(budget: RetryBudget, at: number, wasRetry: boolean): RetryBudget {
  return addUnits(budget, at, successCreditUnits + (wasRetry ? retryCostUnits : 0))
}

/** Refunds a retry that was not made. */
export function refundRetry(budget: RetryBudget, at: number): RetryBudget {
  return addUnits(budget, at, retryCostUnits)
}

/** The number of retries that the budget allows now. */
export function retriesLeft(budget: RetryBudget, at: number): number {
  return Math.floor(unitsAt(budget, at) / retryCostUnits)
}

function addUnits(budget: RetryBudget, at: number, units: number): RetryBudget {
  if (budget.units >= maxUnits) return budget
  return { units: Math.min(maxUnits, unitsAt(budget, at) + units), at }
}

/** A clock that was set back adds nothing and takes nothing. */
function unitsAt({ units, at: since }: RetryBudget, at: number): number {
  return Math.min(maxUnits, units + (Math.max(0, at - since) / 1_000) * refillUnitsPerSecond)
}
