import type { Failure } from './failure.ts'

/** What is known of an account's connection. Times in epoch milliseconds. */
export interface AccountFacts {
  readonly state: string
  readonly scopes: readonly string[]
  readonly accessExpiresAt: number | null
  readonly failure: Failure | null
  readonly now: number
  /** The tokens are sealed under a key that this installation does not have. */
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
  /** Until when posts can be made if nobody acts, epoch milliseconds; null: no end in sight. */
  readonly postingEndsAt: number | null
  /** What is wrong; null if nothing is. */
  readonly failure: Failure | null
}

/** A token has to outlast the upload, which TikTok allows an hour, with some room. */
export const uploadTokenMs = 70 * 60_000

/** The permission that each mode of posting takes. */
const scopeOf = { direct: 'video.publish', draft: 'video.upload' } as const

export function accountHealth(facts: AccountFacts): AccountHealth {
  const { state, scopes, failure, now, isKeyMissing } = facts
  // A token that does not open is of no use.
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

/** Why a slot will fail if nobody acts; null if it will not, as far as the account goes. */
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
  message: "The key is not here that the account's tokens are sealed under.",
}

const scopeMissing: Failure = {
  verdict: 'NEEDS_USER',
  code: 'SCOPE_MISSING',
  message: 'The creator has not granted the permission that posting takes.',
}
