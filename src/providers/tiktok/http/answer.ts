import type { Deferred } from '../../deferred.ts'

/** TikTok or its gateway refused the request: nothing was done, and the same request would be refused again. */
export interface Refused {
  readonly kind: 'refused'
  readonly httpStatus: number
  /** TikTok's error code, such as `privacy_level_option_mismatch` or, from OAuth, `invalid_grant`. */
  readonly code: string
  readonly message: string
  readonly logId?: string
}

/** The access token does not permit this call: `access_token_invalid` (refresh it) or `scope_not_authorized` (ask its owner). */
export interface Unauthorized {
  readonly kind: 'unauthorized'
  readonly code: string
  readonly logId?: string
}

/** TikTok's own rate limit rejected the request before anything was done. */
export interface RateLimited {
  readonly kind: 'rateLimited'
  readonly retryAfterSeconds?: number
  readonly logId?: string
}

/** The request certainly never reached TikTok: no address, no connection, no handshake, or it could not be built. */
export interface NotSent {
  readonly kind: 'notSent'
  /** The system's code, such as `ECONNREFUSED`; never a message, which could quote a token. */
  readonly code: string
}

export type UnknownCause = 'timeout' | 'aborted' | 'connectionLost' | 'serverError' | 'unreadable'

/**
 * The request was sent, and its outcome is unknown. A read may be repeated; a call that creates something must not be
 * repeated before its outcome has been looked up.
 */
export interface Unknown {
  readonly kind: 'unknown'
  readonly cause: UnknownCause
  readonly httpStatus?: number
  readonly code?: string
  readonly retryAfterSeconds?: number
  readonly logId?: string
  /** Of an unreadable answer: at most 64 kB of its text, with everything that looks like a token redacted. */
  readonly raw?: string
  /** Of an unreadable answer: what was wrong with it; quotes no value. */
  readonly why?: string
  /**
   * Of an unreadable answer to an init: a publish id that was recognised by its pattern alone. It can be looked up by
   * `status`, but proves nothing: it may have no upload.
   */
  readonly publishId?: string
}

/** Why a call did not succeed. */
export type CallFailure = Refused | Unauthorized | RateLimited | NotSent | Deferred | Unknown

/** The result of a call. Network faults and TikTok's errors are values; a call never throws for them. */
export type Answer<Value> = ({ readonly kind: 'ok' } & Value) | CallFailure
