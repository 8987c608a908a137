/** What a call says about the service or account that a breaker protects. */
export type CallOutcome =
  /** It works. A refusal or a rate limit is also a success: it was an answer. */
  | { readonly kind: 'success' }
  /** `afterSeconds`: how long the service asked not to be called. */
  | { readonly kind: 'failure'; readonly afterSeconds?: number }
  /** The call was made but says nothing about its health. A probe keeps its permit until it times out. */
  | { readonly kind: 'ignored' }
  /** The call was not made after all: its permit is returned. */
  | { readonly kind: 'notExecuted' }
