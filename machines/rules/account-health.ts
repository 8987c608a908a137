import type { Failure } from './failure.ts'

/** An account's connection. Times in epoch milliseconds. */
export interface AccountFacts {
  readonly state: string
  readonly scopes: readonly string[]
  readonly accessExpiresAt: number | null
  readonly failure: Failure | null
  readonly now: number
  /** Whether the tokens are encrypted under a key that this installation does not have. */
  readonly isKeyMissing: boolean
}

/** Whether posts can be made for an account, and for how long. */
export interface AccountHealth {
  readonly status:
    | 'healthy'
    | 'renewalFailing'
    | 'permissionMissing'
    | 'keyMissing'
    | 'broken'
    | 'notConnected'
  /** Until when posts can be made if no person acts, epoch milliseconds; null: no end in sight. */
  readonly postingEndsAt: number | null
  /** Null if the account is healthy. */
  readonly failure: Failure | null
}

/** Remaining lifetime that a token needs to post: TikTok allows an hour for the upload, plus a margin. */
export const uploadTokenMs = 70 * 60_000

/** The scope that each posting mode requires. */
const scopeOf = { direct: 'video.publish', draft: 'video.upload' } as const

export function accountHealth(facts: AccountFacts): AccountHealth {
  const { state, scopes, failure, now, isKeyMissing } = facts
  // A token that cannot be decrypted is unusable.
  const accessEnds = isKeyMissing ? now : Math.max(facts.accessExpiresAt ?? now, now)
  if (state === 'connecting') return { status: 'notConnected', postingEndsAt: now, failure }
  if (state === 'needsReauthorization')
    return { status: 'broken', postingEndsAt: accessEnds, failure: failure ?? disconnected }
  if (state !== 'connected' && !state.startsWith('refreshing.'))
    return { status: 'broken', postingEndsAt: now, failure: failure ?? disconnected }
  if (isKeyMissing) return { status: 'keyMissing', postingEndsAt: now, failure: keyIsMissing }
  if (state === 'refreshing.backingOff')
    return { status: 'renewalFailing', postingEndsAt: accessEnds, failure }
  if (!Object.values(scopeOf).some((scope) => scopes.includes(scope)))
    return { status: 'permissionMissing', postingEndsAt: null, failure: scopeMissing }
  return { status: 'healthy', postingEndsAt: null, failure: null }
}

/** Why a slot's account will make it fail unless a person acts; null if it will not. */
export function slotFailure(
  health: AccountHealth,
  scopes: readonly string[],
  slot: { readonly publishAt: number; readonly mode: 'direct' | 'draft' },
): Failure | null {
  if (health.status !== 'notConnected' && !scopes.includes(scopeOf[slot.mode])) return scopeMissing
  if (health.postingEndsAt === null || slot.publishAt + uploadTokenMs <= health.postingEndsAt) return null
  return health.failure ?? disconnected
}

const disconnected: Failure = {
  verdict: 'NEEDS_USER',
  code: 'ACCOUNT_NOT_CONNECTED',
  message: 'The account is not connected.',
}

const keyIsMissing: Failure = {
  verdict: 'NEEDS_OPERATOR',
  code: 'KEY_MISSING',
  message: "The key that encrypts the account's tokens is missing.",
}

const scopeMissing: Failure = {
  verdict: 'NEEDS_USER',
  code: 'SCOPE_MISSING',
  message: 'The creator has not granted the permission that posting requires.',
}
