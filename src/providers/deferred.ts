/** A call that our own limits or circuit breakers did not permit: nothing was sent. Retry after `afterSeconds`. */
export interface Deferred {
  readonly kind: 'deferred'
  /** Such as `rateLimit`, `circuitOpen` or `retryBudget`. */
  readonly reason: string
  readonly afterSeconds: number
}
