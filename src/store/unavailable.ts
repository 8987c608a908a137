/**
 * What is needed to answer is out of reach or has no room at this moment; the same request may do later. Doors answer it with 503
 * and `Retry-After`. Throw it where a request has to be turned away for want of capacity.
 */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
  /** Whole seconds, at least 1. */
  readonly retryAfterSeconds: number
  constructor(
    message: string,
    options: { readonly retryAfterSeconds?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.retryAfterSeconds = options.retryAfterSeconds ?? 5
  }
}

const outOfReach = 'The database is out of reach at this moment. Send the request again later.'
const noRoom = 'The database has no room for this request at this moment. Send it again later.'

/** An error as `Unavailable` if it means that the database cannot be used at this moment; null for every other error. */
export function unavailableOf(error: unknown): Unavailable | null {
  // An error may be wrapped by the libraries on its way; no chain is that long but one that is a circle.
  let each = error
  for (let depth = 0; depth < 8 && each instanceof Error; depth += 1) {
    if (each instanceof Unavailable) return each
    const message = messageFor(each)
    if (message) return new Unavailable(message, { cause: error })
    each = each.cause ?? (each as { readonly originalError?: unknown }).originalError // As GraphQL wraps.
  }
  return null
}

function messageFor(error: Error & { readonly code?: unknown }): string | null {
  const { code } = error
  if (typeof code !== 'string') {
    if (lost.has(error.message)) return outOfReach
    return error.message === poolIsFull ? noRoom : null
  }
  if (networkCodes.has(code) || /^(08...|57P0[1235]|25006)$/.test(code)) return outOfReach
  // 55P03: a lock was waited for longer than `lock_timeout`.
  return /^(53...|55P03)$/.test(code) ? noRoom : null
}

/**
 * The operating system's codes for a connection that is refused, lost or silent. SQLSTATE says the rest: class 08 (connection), 57P0x
 * (shutting down, crashed, starting), 25006 (a server that became a standby) and class 53 (no connections, memory or disk left).
 * Source: PostgreSQL, appendix A.
 */
const networkCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** What pg says of a lost connection: these errors have no code. */
const lost: ReadonlySet<string> = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Query read timeout',
  'timeout expired',
])

/** What pg-pool says when no connection became free in time, or none could be opened. */
const poolIsFull = 'timeout exceeded when trying to connect'
