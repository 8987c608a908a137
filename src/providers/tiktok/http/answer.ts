import type { Deferred } from '../../deferred.ts'

/** TikTok, or its gateway, said no: nothing was done, and the same request would be refused again. */
export interface Refused {
  readonly kind: 'refused'
  readonly httpStatus: number
  /** TikTok's own word, such as `privacy_level_option_mismatch` or, from OAuth, `invalid_grant`. */
  readonly code: string
  readonly message: string
  readonly logId?: string
}

/** The access token does not open this call: `access_token_invalid` (refresh it) or `scope_not_authorized` (ask its owner). */
export interface Unauthorized {
  readonly kind: 'unauthorized'
  readonly code: string
  readonly logId?: string
}

/** One call too many in the window; it was turned away before anything was done. */
export interface RateLimited {
  readonly kind: 'rateLimited'
  readonly retryAfterSeconds?: number
  readonly logId?: string
}

/** The request surely never reached TikTok: no address, no connection, no handshake, or it was not even built. */
export interface NotSent {
  readonly kind: 'notSent'
  /** The system's code, such as `ECONNREFUSED`; never a message, which could quote a token. */
  readonly code: string
}

export type UnknownCause = 'timeout' | 'aborted' | 'connectionLost' | 'serverError' | 'unreadable'

/**
 * The request left and nobody can say what became of it. A read may simply be repeated; what creates something may not,
 * until the truth was looked up.
 */
export interface Unknown {
  readonly kind: 'unknown'
  readonly cause: UnknownCause
  readonly httpStatus?: number
  readonly code?: string
  readonly retryAfterSeconds?: number
  readonly logId?: string
  /** When unreadable: what was answered, at most 64 kB of it, with everything that looks like a token taken out. */
  readonly raw?: string
  /** When unreadable: what was wrong with it; quotes no value. */
  readonly why?: string
  /**
   * An init's id, recognised by its form alone in an answer that could not be read: something to look up by `status`, no
   * receipt. There may be no upload to it.
   */
  readonly publishId?: string
}

export type CallFailure = Refused | Unauthorized | RateLimited | NotSent | Deferred | Unknown

/** What a call answers. It never throws for anything that the network or TikTok may do. */
export type Answer<Value> = ({ readonly kind: 'ok' } & Value) | CallFailure
